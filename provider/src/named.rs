//! Numbers that the standard gives names to.

/// A type of numbers with names: a constant for each, `NAMES`, `name()`, and a `Debug` that
/// prints the name, or the prefix and the number of one that has none.
///
/// A macro, because a constant cannot tell its own name: without one each is written three times.
/// The values ascend, or it does not compile. `other names` are second names for a value that is
/// listed: constants like the rest, but not what is printed.
macro_rules! named {
    (
        $(#[$about:meta])*
        pub struct $type:ident($prefix:literal) {
            $($(#[$doc:meta])* $name:ident = $value:literal,)*
        }
        $(other names { $($other:ident = $same:ident,)* })?
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(pub u64);

        impl $type {
            $($(#[$doc])* pub const $name: Self = Self($value);)*
            $($(pub const $other: Self = Self::$same;)*)?

            /// Every name, in ascending order of value; of two names for one value, the one to
            /// print.
            pub const NAMES: &'static [(Self, &'static str)] =
                &[$((Self::$name, concat!($prefix, stringify!($name))),)*];

            /// The name in the specification, if it has one.
            pub fn name(self) -> Option<&'static str> {
                let row = Self::NAMES.binary_search_by_key(&self, |row| row.0).ok()?;
                Some(Self::NAMES[row].1)
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, concat!($prefix, "{:#x}"), self.0),
                }
            }
        }

        const _: () = assert!(
            $crate::named::ascend(&[$($value),*]),
            concat!("the values of ", stringify!($type), " do not ascend"),
        );
    };
}
pub(crate) use named;

/// Whether each value is greater than the one before it.
pub(crate) const fn ascend(values: &[u64]) -> bool {
    let mut next = 1;
    while next < values.len() {
        if values[next - 1] >= values[next] {
            return false;
        }
        next += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::ascend;

    named! {
        /// A number to try it on.
        pub struct Colour("CKC_") {
            RED = 0x1,
            BLUE = 0x80000002,
        }
        other names {
            CRIMSON = RED,
        }
    }

    #[test]
    fn a_number_prints_as_its_first_name_or_with_the_prefix() {
        let printed = [Colour::RED, Colour::CRIMSON, Colour::BLUE, Colour(0x1f)];
        let printed = printed.map(|colour| format!("{colour:?}"));
        assert_eq!(printed, ["CKC_RED", "CKC_RED", "CKC_BLUE", "CKC_0x1f"]);
        assert_eq!(Colour(0x1f).name(), None);
    }

    #[test]
    fn values_that_repeat_or_fall_do_not_ascend() {
        assert!(ascend(&[]) && ascend(&[7]) && ascend(&[0, 1, 9]));
        assert!(!ascend(&[1, 1]) && !ascend(&[0, 2, 1]));
    }
}
