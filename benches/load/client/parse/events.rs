//! Server-sent events: fields of data, comments, and an empty line after each event.

use super::Malformed;

#[derive(Debug, Default)]
pub(crate) struct Events {
    pending: Vec<u8>,
}

impl Events {
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        seen: &mut impl FnMut(u32),
    ) -> Result<(), Malformed> {
        self.pending.extend_from_slice(bytes);
        let mut from = 0;
        while let Some(end) = memchr::memmem::find(&self.pending[from..], b"\n\n") {
            let event = &self.pending[from..from + end];
            let mut data = None;
            for line in event.split(|byte| *byte == b'\n') {
                if line.starts_with(b"data: ") {
                    data = Some(line.iter().fold(0, |sum: u32, byte| {
                        sum.wrapping_mul(31).wrapping_add((*byte).into())
                    }));
                } else if !line.starts_with(b":") {
                    return Err(Malformed("a field that is no data"));
                }
            }
            from += end + 2;
            data.into_iter().for_each(&mut *seen);
        }
        self.pending.drain(..from);
        Ok(())
    }
}
