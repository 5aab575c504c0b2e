//! The rules as `docs/policy.md` and the specification have them, written anew: nothing here calls
//! the module. Keys are attributes and the name of a value; who attacks knows some of the values,
//! and may make any call.
//!
//! Cryptography is perfect: a wrapped key opens with the wrapping key's value, with C_Decrypt or
//! C_UnwrapKey under it, and no other way, but for what the modes themselves give away.

use crate::model::*;

/// What is enforced. Each field is a sentence of `docs/policy.md` or a footnote of the
/// specification; taking one away is a mutation.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Footnote 7: a sensitive or unextractable value is not revealed.
    pub hides_values: bool,
    /// Footnotes 11, 12, 11.
    pub sensitive_stays: bool,
    pub unextractable_stays: bool,
    pub guarded_stays: bool,
    /// C_WrapKey: CKR_KEY_UNEXTRACTABLE.
    pub only_extractable_leaves: bool,
    /// CKA_WRAP_WITH_TRUSTED.
    pub guarded_needs_trusted: bool,
    /// Footnote 10.
    pub officer_trusts: bool,
    /// A trusted object is the security officer's to change.
    pub trusted_is_the_officers: bool,
    /// CKA_WRAP and its like, CKA_MODIFIABLE, CKA_DERIVE_TEMPLATE with CKA_ALLOWED_MECHANISMS.
    pub uses_are_named: bool,
    pub unmodifiable_stays: bool,
    pub derive_template_holds: bool,
    /// What a derivation that gives the value back passes on of sensitive and unextractable.
    pub derived_hides: bool,
    /// The same of CKA_WRAP_WITH_TRUSTED.
    pub derived_stays_guarded: bool,
    /// No piece is cut out of a sensitive key.
    pub no_pieces: bool,
    /// No key under 112 bits from a sensitive one.
    pub nothing_short: bool,
    /// C_DigestKey of readable keys only.
    pub digests_readable: bool,
    /// What CKA_TRUSTED needs to be worth something.
    pub trusted_is_not_copied: bool,
    pub trusted_unwraps_hidden: bool,
    pub trusted_gives_no_value: bool,
    pub guarded_needs_sound_mode: bool,
    /// The role latch.
    pub first_use_decides: bool,
    /// A role that a key had alone counts as used when that changes.
    pub lone_role_counts: bool,
    /// `strict`: no key with two roles, sensitive keys under trusted ones only, none under a weaker.
    pub one_role_each: bool,
    pub sensitive_needs_trusted: bool,
    pub nothing_weaker: bool,
    /// What there is: AES-GCM that wraps, AES-ECB that wraps, derivations that give the value back.
    pub nonce_wraps: bool,
    pub raw_wraps: bool,
    pub combines: bool,
    /// The copy of a trusted key is trusted.
    pub copies_trust: bool,
    /// Not a rule: keys that may be changed do whatever they are asked to, for their uses can be set
    /// before. That leaves out the calls that set them.
    pub uses_are_free: bool,
}

impl Rules {
    pub const STANDARD: Self = Self {
        hides_values: true,
        sensitive_stays: true,
        unextractable_stays: true,
        guarded_stays: true,
        only_extractable_leaves: true,
        guarded_needs_trusted: true,
        officer_trusts: true,
        trusted_is_the_officers: true,
        uses_are_named: true,
        unmodifiable_stays: true,
        derive_template_holds: true,
        derived_hides: true,
        derived_stays_guarded: true,
        no_pieces: true,
        nothing_short: true,
        digests_readable: true,
        trusted_is_not_copied: true,
        trusted_unwraps_hidden: true,
        trusted_gives_no_value: true,
        guarded_needs_sound_mode: true,
        first_use_decides: true,
        lone_role_counts: true,
        one_role_each: false,
        sensitive_needs_trusted: false,
        nothing_weaker: false,
        nonce_wraps: true,
        raw_wraps: false,
        combines: true,
        copies_trust: false,
        uses_are_free: false,
    };

    pub const STRICT: Self = Self {
        one_role_each: true,
        sensitive_needs_trusted: true,
        nothing_weaker: true,
        ..Self::STANDARD
    };

    /// "As the standard alone has it".
    pub const COMPATIBLE: Self = Self {
        derived_stays_guarded: false,
        nothing_short: false,
        digests_readable: false,
        trusted_is_not_copied: false,
        trusted_unwraps_hidden: false,
        trusted_gives_no_value: false,
        guarded_needs_sound_mode: false,
        first_use_decides: false,
        lone_role_counts: false,
        raw_wraps: true,
        ..Self::STANDARD
    };

    /// SoftHSM2 2.6.1: no derivation that gives the value back, no AES-GCM that wraps.
    pub const SOFTHSM: Self = Self {
        trusted_is_the_officers: false,
        nonce_wraps: false,
        raw_wraps: false,
        combines: false,
        copies_trust: true,
        ..Self::COMPATIBLE
    };

    /// What the state is after a call.
    ///
    /// # Errors
    /// The rule that refuses the call.
    pub fn apply(&self, state: &State, call: Call) -> Result<State, Refused> {
        let mut next = *state;
        match call {
            Call::Generate { flags } => {
                let value = state.fresh().ok_or("no value is left")?;
                let always = if flags & SENSITIVE != 0 { ALWAYS } else { 0 };
                let never = if flags & EXTRACTABLE == 0 { NEVER } else { 0 };
                next.add(Key::new(value, self.born(flags)? | LOCAL | always | never))?;
            }
            Call::Create { flags } => next.add(Key::new(KNOWN, self.born(flags)?))?,
            Call::Copy { key, set, clear } => {
                let copy = self.changed(state.key(key)?, set, clear, true)?;
                next.add(copy)?;
            }
            Call::Set { key, set, clear } => {
                next.keys[key] = Some(self.changed(state.key(key)?, set, clear, false)?);
            }
            Call::Wrap { .. }
            | Call::Unwrap { .. }
            | Call::Open { .. }
            | Call::Stream { .. }
            | Call::Forge { .. } => self.wrapping(state, &mut next, call)?,
            Call::Derive { how, key, flags } => self.derive(&mut next, how, key, flags)?,
            Call::Digest { key } => {
                let key = state.key(key)?;
                self.allowed(key, 0)?;
                if key.is(PUBLIC) || self.digests_readable && key.hidden() {
                    return Err("the digest of a hidden key");
                }
            }
            Call::Read { key } => {
                let key = state.key(key)?;
                if key.is(PUBLIC) || self.hides_values && key.hidden() {
                    return Err("the value is hidden");
                }
                next.know(key.value);
            }
            Call::Destroy { key } => {
                if state.key(key)?.is(TRUSTED) && self.trusted_is_the_officers {
                    return Err("a trusted key is the officer's to destroy");
                }
                next.keys[key] = None;
            }
        }
        next.learn();
        Ok(next)
    }

    /// The calls that wrapped keys come from and go to.
    fn wrapping(&self, state: &State, next: &mut State, call: Call) -> Result<(), Refused> {
        match call {
            Call::Wrap { mode, with, key } => {
                let (outer, inner) = (state.key(with)?, state.key(key)?);
                let used = self.wraps(outer, inner, mode)?;
                next.keys[with] = Some(used);
                next.hold(mode, outer.value, inner.value);
                if outer.is(WEAK) {
                    next.know(inner.value);
                }
            }
            Call::Unwrap { mode, with, inner, flags } => {
                let outer = state.holder(mode, with, inner)?;
                next.keys[with] = Some(self.unwraps(outer, mode, flags)?);
                next.add(Key::new(inner, flags))?;
                next.planted |= outer.value == OFFICERS && inner == KNOWN;
            }
            Call::Open { mode, with, inner } => {
                let outer = state.holder(mode, with, inner)?;
                next.keys[with] = Some(self.used(outer, DECRYPT)?);
                next.know(inner);
            }
            Call::Stream { with, inner } => {
                let outer = state.holder(Mode::Nonce, with, inner)?;
                next.keys[with] = Some(self.used(outer, ENCRYPT)?);
                next.know(inner);
            }
            Call::Forge { with } => {
                let outer = state.key(with)?;
                next.keys[with] = Some(self.used(outer, ENCRYPT)?);
                next.hold(Mode::Sound, outer.value, KNOWN);
            }
            _ => unreachable!("none of these"),
        }
        Ok(())
    }

    /// The attributes of a key that is made, as asked for.
    pub fn born(&self, flags: u16) -> Result<u16, Refused> {
        if self.officer_trusts && flags & TRUSTED != 0 {
            return Err("only the officer trusts");
        }
        self.roles_agree(flags)?;
        Ok(flags)
    }

    fn roles_agree(&self, flags: u16) -> Result<(), Refused> {
        let both = |(a, b)| flags & a != 0 && flags & b != 0;
        let free = self.uses_are_free && flags & MODIFIABLE != 0;
        let secret = flags & PUBLIC == 0;
        match self.one_role_each && secret && !free && CONFLICTS.into_iter().any(both) {
            true => Err("a key with two roles"),
            false => Ok(()),
        }
    }

    /// C_SetAttributeValue and C_CopyObject.
    pub fn changed(&self, key: Key, set: u16, clear: u16, copy: bool) -> Result<Key, Refused> {
        let officers = key.is(TRUSTED);
        if key.is(PUBLIC) && (set | clear) & !(WRAP | ENCRYPT | DERIVE | TRUSTED) != 0 {
            return Err("no attribute of public keys");
        }
        if copy && officers && !key.is(PUBLIC) && self.trusted_is_not_copied {
            return Err("a trusted key is the officer's to copy");
        }
        if !copy && officers && self.trusted_is_the_officers {
            return Err("a trusted key is the officer's to change");
        }
        let mut flags = (key.flags | set) & !clear;
        let differs = flags != key.flags;
        if self.unmodifiable_stays && !key.is(MODIFIABLE) && (!copy || differs) {
            return Err("CKA_MODIFIABLE is false");
        }
        let thrown = [
            (self.sensitive_stays && key.is(SENSITIVE) && clear & SENSITIVE != 0, "CKA_SENSITIVE"),
            (
                self.unextractable_stays && !key.is(EXTRACTABLE) && set & EXTRACTABLE != 0,
                "CKA_EXTRACTABLE",
            ),
            (
                self.guarded_stays && key.is(GUARDED) && clear & GUARDED != 0,
                "CKA_WRAP_WITH_TRUSTED",
            ),
            (self.officer_trusts && set & TRUSTED != 0, "CKA_TRUSTED"),
        ];
        if let Some((_, switch)) = thrown.into_iter().find(|(thrown, _)| *thrown) {
            return Err(switch);
        }
        if copy && officers && !self.copies_trust {
            flags &= !TRUSTED;
        }
        if copy || self.roles_agree(key.flags).is_ok() {
            self.roles_agree(flags)?;
        }
        Ok(Key { flags, roles: key.roles | self.lone_roles(key, flags), ..key })
    }

    /// The roles that a key had alone and does not keep alone.
    fn lone_roles(&self, key: Key, after: u16) -> u16 {
        if !self.lone_role_counts || key.is(PUBLIC) {
            return 0;
        }
        let pairs = CONFLICTS.into_iter().flat_map(|(a, b)| [(a, b), (b, a)]);
        let lost = pairs.filter(|(one, other)| {
            let alone = key.is(*one) && !key.is(*other) && key.roles & other == 0;
            alone && (after & other != 0 || after & one == 0)
        });
        lost.fold(0, |roles, (one, _)| roles | one)
    }

    /// The key after a use, if it may do that.
    pub fn used(&self, key: Key, usage: u16) -> Result<Key, Refused> {
        if key.is(PUBLIC) && usage & (WRAP | ENCRYPT) == 0 {
            return Err("a public key does not");
        }
        self.allowed(key, usage)?;
        let free = self.uses_are_free && key.is(MODIFIABLE) && !key.is(TRUSTED);
        if self.uses_are_named && !free && !key.is(usage) {
            return Err("the key's attributes do not say so");
        }
        let pair = CONFLICTS.into_iter().find(|(a, b)| usage == *a || usage == *b);
        let Some((a, b)) = pair.filter(|_| self.first_use_decides && !key.is(PUBLIC)) else {
            return Ok(key);
        };
        let other = if usage == a { b } else { a };
        if key.roles & other != 0 {
            return Err("the key was used for the other role");
        }
        match free || key.is(other) {
            true => Ok(Key { roles: key.roles | usage, ..key }),
            false => Ok(key),
        }
    }

    fn allowed(&self, key: Key, usage: u16) -> Result<(), Refused> {
        match self.derive_template_holds && key.is(TEMPLATED) && usage != DERIVE {
            true => Err("CKA_ALLOWED_MECHANISMS"),
            false => Ok(()),
        }
    }

    /// The wrapping key after it wrapped another.
    pub fn wraps(&self, outer: Key, inner: Key, mode: Mode) -> Result<Key, Refused> {
        self.there(mode)?;
        if outer.is(PUBLIC) && mode != Mode::Sound {
            return Err("no mode of public keys");
        }
        let used = self.used(outer, WRAP)?;
        let guarded = inner.is(GUARDED) || self.sensitive_needs_trusted && inner.is(SENSITIVE);
        let reasons = [
            (inner.is(PUBLIC), "public keys do not wrap"),
            (self.only_extractable_leaves && !inner.is(EXTRACTABLE), "CKA_EXTRACTABLE is false"),
            (
                self.guarded_needs_trusted && inner.is(GUARDED) && !outer.is(TRUSTED),
                "CKA_WRAP_WITH_TRUSTED",
            ),
            (
                self.guarded_needs_sound_mode && guarded && mode == Mode::Nonce,
                "a nonce of the caller's",
            ),
            (
                self.sensitive_needs_trusted && inner.is(SENSITIVE) && !outer.is(TRUSTED),
                "a sensitive key under one that is not trusted",
            ),
            (self.nothing_weaker && outer.is(WEAK) && !inner.is(WEAK), "a weaker wrapping key"),
        ];
        match reasons.into_iter().find(|(refuses, _)| *refuses) {
            Some((_, why)) => Err(why),
            None => Ok(used),
        }
    }

    /// The unwrapping key after it made a key of these attributes.
    pub fn unwraps(&self, outer: Key, mode: Mode, flags: u16) -> Result<Key, Refused> {
        self.there(mode)?;
        let used = self.used(outer, UNWRAP)?;
        self.born(flags)?;
        let hidden = flags & SENSITIVE != 0 && (flags & EXTRACTABLE == 0 || flags & GUARDED != 0);
        match self.trusted_unwraps_hidden && outer.is(TRUSTED) && !hidden {
            true => Err("what a trusted key unwraps stays hidden"),
            false => Ok(used),
        }
    }

    fn there(&self, mode: Mode) -> Result<(), Refused> {
        match mode {
            Mode::Raw if !self.raw_wraps => Err("no wrapping without authentication"),
            Mode::Nonce if !self.nonce_wraps => Err("no such wrapping"),
            _ => Ok(()),
        }
    }

    /// The attributes of a key derived from `base`.
    pub fn derives(&self, base: Key, how: How, flags: u16) -> Result<u16, Refused> {
        let gives_back = matches!(how, How::Whole | How::Piece);
        if gives_back && !self.combines {
            return Err("no such derivation");
        }
        self.used(base, DERIVE)?;
        self.born(flags)?;
        let shows = base.is(SENSITIVE) && flags & SENSITIVE == 0
            || !base.is(EXTRACTABLE) && flags & EXTRACTABLE != 0;
        let reasons = [
            (
                self.trusted_gives_no_value && gives_back && base.is(TRUSTED),
                "a trusted key keeps its value",
            ),
            (self.derived_hides && gives_back && shows, "what the base key hides"),
            (
                self.derived_stays_guarded
                    && gives_back
                    && base.is(GUARDED)
                    && flags & GUARDED == 0,
                "CKA_WRAP_WITH_TRUSTED of the base key",
            ),
            (
                self.derive_template_holds
                    && base.is(TEMPLATED)
                    && flags & (SENSITIVE | EXTRACTABLE) != SENSITIVE,
                "CKA_DERIVE_TEMPLATE",
            ),
            (
                self.derive_template_holds && base.is(TEMPLATED) && gives_back,
                "CKA_ALLOWED_MECHANISMS",
            ),
            // Of more than 112 bits, too, if the others are known ones.
            (self.no_pieces && how == How::Piece && base.is(SENSITIVE), "a piece"),
            (self.nothing_short && how == How::OneWayShort && base.is(SENSITIVE), "under 112 bits"),
        ];
        if let Some((_, why)) = reasons.into_iter().find(|(refuses, _)| *refuses) {
            return Err(why);
        }
        let always = if base.is(ALWAYS) { flags & SENSITIVE } else { 0 } != 0;
        let never = base.is(NEVER) && flags & EXTRACTABLE == 0;
        Ok(flags | if always { ALWAYS } else { 0 } | if never { NEVER } else { 0 })
    }

    fn derive(&self, next: &mut State, how: How, key: usize, flags: u16) -> Result<(), Refused> {
        let base = next.key(key)?;
        let flags = self.derives(base, how, flags)?;
        match how {
            How::Whole => next.add(Key::new(base.value, flags)),
            How::OneWay => {
                let value = next.one_way(base.value).ok_or("no value is left")?;
                next.add(Key::new(value, flags))
            }
            How::Piece => {
                next.know(base.value);
                Ok(())
            }
            How::OneWayShort => {
                if next.derived && base.value == OFFICERS {
                    next.know(PLANTED);
                }
                Ok(())
            }
        }
    }
}
