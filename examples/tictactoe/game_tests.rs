use super::Mark::{O, X};
use super::*;

/// Anna is X, Otto is O.
fn two_players() -> Game {
    let mut game = Game::new();
    assert_eq!((game.sit(Some("anna")), game.sit(Some("otto"))), (Some(X), Some(O)));
    game
}

/// X begins, and they take turns.
fn played(cells: &[usize]) -> Game {
    let mut game = two_players();
    for (cell, mark) in cells.iter().zip([X, O].into_iter().cycle()) {
        game.play(Some(mark), Some(*cell));
        assert!(game.refusals.is_empty(), "{:?}", game.refusals);
    }
    game
}

/// What is said to this seat when it plays this cell, which changes nothing.
fn refused(game: &mut Game, by: Seat, cell: Option<usize>) -> &'static str {
    let before = game.cells;
    game.play(by, cell);
    assert_eq!(game.cells, before);
    game.refusals[name(by)]
}

#[test]
fn the_first_two_get_seats_and_keep_them() {
    let mut game = two_players();
    assert_eq!(game.sit(Some("eve")), None);
    assert_eq!(game.sit(None), None, "no cookie, no seat");
    assert_eq!(game.sit(Some("otto")), Some(O));
    assert_eq!(game.seat_of(Some("anna")), Some(X));
}

#[test]
fn every_line_wins() {
    for line in LINES {
        let mut game = two_players();
        line.iter().take(2).for_each(|cell| game.cells[*cell] = Some(X));
        game.play(Some(X), Some(line[2]));
        assert_eq!((game.line, game.over, game.players[0].wins), (Some(line), true, 1));
        assert!(refused(&mut game, Some(O), Some(0)).contains("over"));
    }
}

#[test]
fn a_full_board_without_a_line_is_a_draw() {
    let game = played(&[0, 1, 2, 4, 3, 5, 7, 6, 8]);
    assert_eq!((game.line, game.over), (None, true));
    assert_eq!((game.players[0].wins, game.players[1].wins), (0, 0));
}

#[test]
fn what_is_against_the_rules_is_refused_to_who_asked() {
    let mut game = played(&[4]);
    assert!(refused(&mut game, Some(X), Some(0)).contains("not your turn"));
    assert!(refused(&mut game, Some(O), Some(4)).contains("taken"));
    assert!(refused(&mut game, Some(O), Some(9)).contains("beside"));
    assert!(refused(&mut game, Some(O), None).contains("beside"));
    assert!(refused(&mut game, None, Some(0)).contains("watching"));
    assert_eq!(game.refusals.len(), 3, "each seat has its own");
    game.play(Some(O), Some(0));
    assert!(game.refusals.is_empty(), "a move clears them");
}

#[test]
fn nobody_plays_alone() {
    let mut game = Game::new();
    game.sit(Some("anna"));
    assert!(refused(&mut game, Some(X), Some(0)).contains("two"));
}

#[test]
fn only_a_player_starts_anew_and_only_after_the_end() {
    let mut game = played(&[0, 3, 1, 4]);
    game.again(Some(X));
    assert!(game.refusals["x"].contains("Finish"));
    game.play(Some(X), Some(2));
    game.again(None);
    assert!(game.refusals["watch"].contains("watching") && game.over);
    game.again(Some(O));
    assert_eq!((game.cells, game.over, game.players[0].wins), ([None; 9], false, 1));
    assert_eq!(game.turn, O, "they take turns at beginning");
}

#[test]
fn who_is_away_keeps_the_seat_and_who_is_gone_does_not() {
    let mut game = played(&[4]);
    game.attend(X, Presence::Away);
    assert_eq!(game.sit(Some("eve")), None);
    game.attend(X, Presence::Gone);
    assert_eq!((game.seat_of(Some("anna")), game.cells[4]), (None, Some(X)));
    assert!(refused(&mut game, Some(O), Some(0)).contains("two"));
    assert_eq!(game.sit(Some("eve")), Some(X));
    game.play(Some(O), Some(0));
    assert_eq!(game.cells[0], Some(O), "the game goes on");
}

#[test]
fn an_abandoned_game_can_be_started_anew() {
    let mut game = played(&[4]);
    game.attend(X, Presence::Gone);
    game.again(Some(O));
    assert_eq!((game.cells, game.refusals.len()), ([None; 9], 0));
}

#[test]
fn the_last_player_to_go_clears_the_board() {
    let mut game = played(&[4]);
    Mark::BOTH.into_iter().for_each(|mark| game.attend(mark, Presence::Gone));
    assert_eq!((game.cells, game.turn), ([None; 9], X));
}
