//! How text of a script is shaped in a font: worked out once, which takes longer than to shape a badge's
//! text.

use std::sync::{Arc, Mutex, PoisonError};

use harfrust::{ShapePlan, Shaper, UnicodeBuffer, script};

/// The plans of one face that has no variations; at most one for each script and direction.
#[derive(Default)]
pub(crate) struct Plans(Mutex<Vec<Arc<ShapePlan>>>);

impl Plans {
    /// The plan for what is in the buffer, which knows its script.
    pub(crate) fn plan(&self, shaper: &Shaper<'_>, buffer: &UnicodeBuffer) -> Arc<ShapePlan> {
        let direction = buffer.direction();
        // Digits and signs alone have none.
        let script = Some(buffer.script()).filter(|script| *script != script::UNKNOWN);
        let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it =
            |plan: &&Arc<ShapePlan>| plan.direction() == direction && plan.script() == script;
        if let Some(plan) = plans.iter().find(is_it) {
            return plan.clone();
        }
        let plan = Arc::new(ShapePlan::new(shaper, direction, script, None, &[]));
        plans.push(plan.clone());
        plan
    }
}
