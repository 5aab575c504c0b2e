//! The one table of transitions between states (NIST SP 800-57 part 1 revision 5, figure 3).

use super::State;

/// From one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The state that is left.
    pub from: State,
    /// The state that is entered.
    pub to: State,
}

/// Rows: from. Columns: to, in the order of [`State::ALL`]. `x` is allowed.
///
/// No way leads back from deactivated, compromised or destroyed: what was given up for lost or
/// retired must not protect again.
#[rustfmt::skip]
const TABLE: [(State, &str); 6] = [
    //                     pre act sus dea com des
    (State::PreActive,   " .   x   .   .   x   x "),
    (State::Active,      " .   .   x   x   x   x "),
    (State::Suspended,   " .   x   .   x   x   x "),
    (State::Deactivated, " .   .   .   .   x   x "),
    (State::Compromised, " .   .   .   .   .   x "),
    (State::Destroyed,   " .   .   .   .   .   . "),
];

/// Whether the table allows the transition.
pub fn allowed(transition: Transition) -> bool {
    let row = TABLE.iter().find(|(from, _)| *from == transition.from);
    let column = State::ALL.iter().position(|(to, _)| *to == transition.to);
    match (row, column) {
        (Some((_, cells)), Some(column)) => cells.split_whitespace().nth(column) == Some("x"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test for every cell: `from to allowed`.
    macro_rules! cells {
        ($($name:ident: $from:ident $to:ident $allowed:literal;)*) => {
            $(#[test]
            fn $name() {
                let transition = Transition { from: State::$from, to: State::$to };
                assert_eq!(allowed(transition), $allowed);
            })*

            #[test]
            fn every_cell_has_its_test() {
                let tested = [$((State::$from as u8, State::$to as u8)),*];
                for (from, _) in State::ALL {
                    for (to, _) in State::ALL {
                        assert!(tested.contains(&(from as u8, to as u8)), "{from} to {to}");
                    }
                }
                assert_eq!(tested.len(), 36);
            }
        };
    }

    cells! {
        a_pre_active_key_is_not_made_pre_active: PreActive PreActive false;
        a_pre_active_key_can_be_activated: PreActive Active true;
        a_pre_active_key_cannot_be_suspended: PreActive Suspended false;
        a_pre_active_key_cannot_be_deactivated: PreActive Deactivated false;
        a_pre_active_key_can_be_compromised: PreActive Compromised true;
        a_pre_active_key_can_be_destroyed: PreActive Destroyed true;
        an_active_key_does_not_return_to_pre_active: Active PreActive false;
        an_active_key_is_not_activated_again: Active Active false;
        an_active_key_can_be_suspended: Active Suspended true;
        an_active_key_can_be_deactivated: Active Deactivated true;
        an_active_key_can_be_compromised: Active Compromised true;
        an_active_key_can_be_destroyed: Active Destroyed true;
        a_suspended_key_does_not_return_to_pre_active: Suspended PreActive false;
        a_suspended_key_can_be_resumed: Suspended Active true;
        a_suspended_key_is_not_suspended_again: Suspended Suspended false;
        a_suspended_key_can_be_deactivated: Suspended Deactivated true;
        a_suspended_key_can_be_compromised: Suspended Compromised true;
        a_suspended_key_can_be_destroyed: Suspended Destroyed true;
        a_deactivated_key_does_not_return_to_pre_active: Deactivated PreActive false;
        a_deactivated_key_is_never_active_again: Deactivated Active false;
        a_deactivated_key_cannot_be_suspended: Deactivated Suspended false;
        a_deactivated_key_is_not_deactivated_again: Deactivated Deactivated false;
        a_deactivated_key_can_be_compromised: Deactivated Compromised true;
        a_deactivated_key_can_be_destroyed: Deactivated Destroyed true;
        a_compromised_key_does_not_return_to_pre_active: Compromised PreActive false;
        a_compromised_key_is_never_active_again: Compromised Active false;
        a_compromised_key_cannot_be_suspended: Compromised Suspended false;
        a_compromised_key_cannot_become_deactivated: Compromised Deactivated false;
        a_compromised_key_is_not_compromised_again: Compromised Compromised false;
        a_compromised_key_can_be_destroyed: Compromised Destroyed true;
        a_destroyed_key_does_not_return_to_pre_active: Destroyed PreActive false;
        a_destroyed_key_is_never_active_again: Destroyed Active false;
        a_destroyed_key_cannot_be_suspended: Destroyed Suspended false;
        a_destroyed_key_cannot_become_deactivated: Destroyed Deactivated false;
        a_destroyed_key_cannot_become_compromised: Destroyed Compromised false;
        a_destroyed_key_is_not_destroyed_again: Destroyed Destroyed false;
    }
}
