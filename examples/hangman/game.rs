//! Hangman: the word, the letters tried, and how it ended. Nothing here knows of pictures.

use serde::Serialize;

/// Head, body, two arms, two legs.
const LIVES: usize = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Playing,
    Won,
    Lost,
}

/// A letter that somebody may try, and what came of it.
#[derive(Debug, Clone, Copy, Serialize)]
struct Letter {
    letter: char,
    tried: bool,
    /// How often it is in the word; told to nobody before it is tried.
    hits: usize,
}

/// The fields are the template's slots.
#[derive(Debug, Serialize)]
pub(crate) struct Game {
    #[serde(skip)]
    word: String,
    /// The word as far as it has been guessed.
    shown: Vec<Option<char>>,
    /// All of it, after it was lost.
    answer: Vec<char>,
    /// A to Z.
    letters: Vec<Letter>,
    misses: usize,
    state: State,
    /// What is to be said about the last letter, and whether it was refused.
    note: String,
    refused: bool,
}

impl Game {
    /// A game of a word that [`is_word`].
    pub(crate) fn new(word: &str) -> Self {
        let word = word.to_ascii_uppercase();
        let letters = ('A'..='Z').map(|letter| Letter { letter, tried: false, hits: 0 });
        Self {
            shown: vec![None; word.len()],
            answer: Vec::new(),
            letters: letters.collect(),
            misses: 0,
            state: State::Playing,
            note: format!("A word of {} letters.", word.len()),
            refused: false,
            word,
        }
    }

    /// Tries a letter, whatever it is that somebody sent as one.
    pub(crate) fn guess(&mut self, guess: &str) {
        let done = self.try_guess(guess);
        self.settle(done);
    }

    /// Begins anew with another word.
    pub(crate) fn again(&mut self, word: &str) {
        match self.state {
            State::Playing => self.settle(Err("This word is not finished yet.".into())),
            State::Won | State::Lost => *self = Self::new(word),
        }
    }

    fn try_guess(&mut self, guess: &str) -> Result<String, String> {
        if self.state != State::Playing {
            return Err("This word is finished. A new one?".into());
        }
        let mut chars = guess.chars().map(|guess| guess.to_ascii_uppercase());
        let (Some(guess @ 'A'..='Z'), None) = (chars.next(), chars.next()) else {
            return Err("One letter at a time, A to Z.".into());
        };
        let hits = self.word.chars().filter(|letter| *letter == guess).count();
        let letter = &mut self.letters[guess as usize - 'A' as usize];
        if letter.tried {
            return Err(format!("{guess} was tried before."));
        }
        (letter.tried, letter.hits) = (true, hits);
        for (shown, letter) in self.shown.iter_mut().zip(self.word.chars()) {
            if letter == guess {
                *shown = Some(guess);
            }
        }
        self.misses += usize::from(hits == 0);
        if self.misses == LIVES {
            self.state = State::Lost;
            self.answer = self.word.chars().collect();
            return Ok(format!("No {guess}. It was {}.", self.word));
        }
        if self.shown.iter().all(Option::is_some) {
            self.state = State::Won;
            return Ok(format!("{guess} was the last one. Saved!"));
        }
        Ok(match hits {
            0 => format!("No {guess}."),
            1 => format!("There is one {guess}."),
            hits => format!("There are {hits} of {guess}."),
        })
    }

    fn settle(&mut self, done: Result<String, String>) {
        self.refused = done.is_err();
        self.note = done.unwrap_or_else(|why| why);
    }
}

/// What fits into the picture, and can be guessed.
pub(crate) fn is_word(word: &str) -> bool {
    (1..=14).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(word: &str, guesses: &str) -> Game {
        let mut game = Game::new(word);
        guesses.chars().for_each(|guess| game.guess(guess.encode_utf8(&mut [0; 4])));
        game
    }

    fn shown(game: &Game) -> String {
        game.shown.iter().map(|letter| letter.unwrap_or('_')).collect()
    }

    #[test]
    fn a_letter_is_shown_wherever_it_is() {
        let game = after("Banana", "aN");
        assert_eq!((shown(&game).as_str(), game.misses), ("_ANANA", 0));
        assert_eq!(game.note, "There are 2 of N.");
    }

    #[test]
    fn all_letters_win() {
        let game = after("banana", "xnab");
        assert_eq!((game.state, shown(&game).as_str(), game.misses), (State::Won, "BANANA", 1));
    }

    #[test]
    fn six_misses_lose_and_show_the_word() {
        assert_eq!(after("banana", "cdefg").state, State::Playing);
        let game = after("banana", "acdefgh");
        assert_eq!((game.state, shown(&game).as_str()), (State::Lost, "_A_A_A"));
        assert_eq!(game.answer, ['B', 'A', 'N', 'A', 'N', 'A']);
        assert_eq!(game.note, "No H. It was BANANA.");
        let a = game.letters[0];
        assert_eq!((a.tried, a.hits, game.letters[1].hits), (true, 3, 0));
    }

    #[test]
    fn what_is_no_new_letter_is_refused_and_costs_nothing() {
        let mut game = after("banana", "az");
        for guess in ["a", "Z", "", "ab", "é", "ß", "1", " ", "[", "@", "\0", "🦀"] {
            game.guess(guess);
            assert!(game.refused, "{guess:?}: {}", game.note);
            assert_eq!((shown(&game).as_str(), game.misses), ("_A_A_A", 1));
        }
        game.guess("n");
        assert!(!game.refused);
    }

    #[test]
    fn a_new_word_comes_after_the_end_and_not_before() {
        let mut game = after("banana", "a");
        game.again("pear");
        assert_eq!((game.refused, shown(&game).as_str()), (true, "_A_A_A"));
        let mut game = after("banana", "ban");
        game.guess("z");
        assert!(game.refused && game.state == State::Won);
        game.again("pear");
        assert_eq!((shown(&game).as_str(), game.misses, game.refused), ("____", 0, false));
    }

    #[test]
    fn a_word_is_ascii_letters() {
        assert!(is_word("pear") && is_word("Z"));
        assert!(!["", "pear tree", "pêche", "a-b", "abcdefghijklmno"].into_iter().any(is_word));
    }
}
