//! The one table of transitions between states (NIST SP 800-57 part 1 revision 5, figure 3).

use super::state::State;

/// From one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    pub from: State,
    pub to: State,
}

/// Who asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Anyone,
    /// The security officer.
    Officer,
}

/// Rows: from. Columns: to, in the order of [`State::ALL`]. `x` is anybody's who may change the
/// key, `o` the security officer's, `.` nobody's.
///
/// Forward only, but that a suspended key resumes. The figure has no way back from compromised; a
/// mistaken report is the one reason for `o`, and leads to a state that protects nothing.
#[rustfmt::skip]
const TABLE: [(State, &str); 5] = [
    //                     pre act sus dea com
    (State::PreActive,   " .   x   .   .   x "),
    (State::Active,      " .   .   x   x   x "),
    (State::Suspended,   " .   x   .   x   x "),
    (State::Deactivated, " .   .   .   .   x "),
    (State::Compromised, " .   .   .   o   . "),
];

/// Whether the table allows the transition.
pub fn allowed(transition: Transition, who: Who) -> bool {
    let row = TABLE.iter().find(|(from, _)| *from == transition.from);
    let column = State::ALL.iter().position(|(to, _)| *to == transition.to);
    let cell = match (row, column) {
        (Some((_, cells)), Some(column)) => cells.split_whitespace().nth(column),
        _ => None,
    };
    cell == Some("x") || cell == Some("o") && who == Who::Officer
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test for every cell: `from to anyone officer`.
    macro_rules! cells {
        ($($name:ident: $from:ident $to:ident $anyone:literal $officer:literal;)*) => {
            $(#[test]
            fn $name() {
                let transition = Transition { from: State::$from, to: State::$to };
                assert_eq!(allowed(transition, Who::Anyone), $anyone);
                assert_eq!(allowed(transition, Who::Officer), $officer);
            })*

            #[test]
            fn every_cell_has_its_test() {
                let tested = [$((State::$from.number(), State::$to.number())),*];
                for (from, _) in State::ALL {
                    for (to, _) in State::ALL {
                        assert!(tested.contains(&(from.number(), to.number())), "{from} to {to}");
                    }
                }
                assert_eq!(tested.len(), 25);
            }
        };
    }

    cells! {
        a_pre_active_key_is_not_made_pre_active: PreActive PreActive false false;
        a_pre_active_key_can_be_activated: PreActive Active true true;
        a_pre_active_key_cannot_be_suspended: PreActive Suspended false false;
        a_pre_active_key_cannot_be_deactivated: PreActive Deactivated false false;
        a_pre_active_key_can_be_compromised: PreActive Compromised true true;
        an_active_key_does_not_return_to_pre_active: Active PreActive false false;
        an_active_key_is_not_activated_again: Active Active false false;
        an_active_key_can_be_suspended: Active Suspended true true;
        an_active_key_can_be_deactivated: Active Deactivated true true;
        an_active_key_can_be_compromised: Active Compromised true true;
        a_suspended_key_does_not_return_to_pre_active: Suspended PreActive false false;
        a_suspended_key_can_be_resumed: Suspended Active true true;
        a_suspended_key_is_not_suspended_again: Suspended Suspended false false;
        a_suspended_key_can_be_deactivated: Suspended Deactivated true true;
        a_suspended_key_can_be_compromised: Suspended Compromised true true;
        a_deactivated_key_does_not_return_to_pre_active: Deactivated PreActive false false;
        a_deactivated_key_is_never_active_again: Deactivated Active false false;
        a_deactivated_key_cannot_be_suspended: Deactivated Suspended false false;
        a_deactivated_key_is_not_deactivated_again: Deactivated Deactivated false false;
        a_deactivated_key_can_be_compromised: Deactivated Compromised true true;
        a_compromised_key_does_not_return_to_pre_active: Compromised PreActive false false;
        a_compromised_key_is_never_active_again: Compromised Active false false;
        a_compromised_key_cannot_be_suspended: Compromised Suspended false false;
        only_the_officer_brings_a_compromised_key_back: Compromised Deactivated false true;
        a_compromised_key_is_not_compromised_again: Compromised Compromised false false;
    }
}
