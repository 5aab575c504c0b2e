//! Deriving keys: one, or several at once where the mechanism's parameters ask for them.

use std::sync::Arc;

use crate::attribute::{Attributes, ObjectClass, Template};
use crate::backend::{Snapshot, Use};
use crate::error::{Code, Result};
use crate::handle::Handle;
use crate::mechanism::{Function, Mechanism, Params};
use crate::object::{self, Wanted};
use crate::policy::{Policy, Relaxation};
use crate::session::Session;
use crate::session::key::require;

impl Session {
    /// `C_DeriveKey`: the handle of the key, none where the parameters say where all handles go.
    /// Further keys that the parameters ask for are handed out there, too.
    ///
    /// # Errors
    /// MechanismInvalid, KeyHandleInvalid, KeyTypeInconsistent, KeyFunctionNotPermitted,
    /// KeySizeRange, and as [`object::for_derive`].
    pub fn derive(
        &mut self,
        mechanism: &mut Mechanism<'_>,
        base: Handle,
        template: &Template<'_>,
    ) -> Result<Option<Handle>> {
        let spec = mechanism.spec;
        require(spec, spec.derives(), "derive")?;
        self.fetch_inputs(mechanism)?;
        let from = self.usable(base, Function::Derive, spec)?.snapshot.clone();
        let base = inputs(mechanism, &from)?;
        let wanted = self.wanted(mechanism, template, &base)?;
        let policy = self.slot().policy;
        wanted.iter().try_for_each(|wanted| hides(&base, wanted, mechanism, policy))?;
        wanted.iter().try_for_each(|wanted| self.slot().policy.admit(&wanted.attributes))?;
        self.note_use(Function::Derive, spec);
        for other in &mechanism.keys {
            self.slot().token.note_use(other, Use::For(Function::Derive), spec.id);
        }
        let objects = self.slot().token.derive(mechanism, &from, wanted)?;
        let handles: Vec<_> = objects.into_iter().map(|object| self.issue(object)).collect();
        Ok(hand_out(&mechanism.params, &handles))
    }

    /// Looks up the keys that the parameters name.
    fn fetch_inputs(&mut self, mechanism: &mut Mechanism<'_>) -> Result<()> {
        for handle in mechanism.params.handles() {
            // "must have attributes settings consistent with a key that would allow it to be used
            // as a base key" (CK_SP800_108_KEY_HANDLE).
            if let Params::Sp800108(_) = mechanism.params {
                self.usable(handle, Function::Derive, mechanism.spec)?;
            }
            let key = self.current_object(handle, Code::KeyHandleInvalid)?;
            key.snapshot().usage.lifecycle.admit(Function::Derive, self.slot().policy)?;
            mechanism.keys.push(key);
        }
        Ok(())
    }

    /// The keys to derive: that of the call, then those of the parameters.
    fn wanted(
        &self,
        mechanism: &Mechanism<'_>,
        template: &Template<'_>,
        base: &Attributes,
    ) -> Result<Vec<Wanted>> {
        let derive = |template| object::for_derive(mechanism.spec, template, base, self.caller());
        if let Params::TlsKeys(keys) = &mechanism.params {
            let lengths = [keys.mac, keys.key];
            return object::for_tls_keys(template, base, self.caller(), lengths);
        }
        let mut wanted = vec![derive(template)?];
        for key in mechanism.params.further_keys() {
            // "the corresponding phKey value will be set to CK_INVALID_HANDLE to identify the
            // offending template."
            wanted.push(derive(&key.template).inspect_err(|_| key.handle.set(None))?);
        }
        Ok(wanted)
    }
}

/// Gives the handles to where the parameters say; the first is the call's, unless they say so of
/// all.
fn hand_out(params: &Params<'_>, handles: &[Handle]) -> Option<Handle> {
    if let Params::TlsKeys(keys) = params {
        let mut pairs = handles.chunks(2).map(|pair| [pair[0], pair[pair.len() - 1]]);
        let mut pair = |length| if length == 0 { None } else { pairs.next() };
        let (macs, keys_of_ciphers) = (pair(keys.mac), pair(keys.key));
        keys.out.handles(macs, keys_of_ciphers);
        return None;
    }
    let (first, rest) = handles.split_first()?;
    for (key, handle) in params.further_keys().iter().zip(rest) {
        key.handle.set(Some(*handle));
    }
    Some(*first)
}

/// What the keys that go into a derivation pass on.
fn inputs(mechanism: &Mechanism<'_>, from: &Snapshot) -> Result<Attributes> {
    let others: Vec<Arc<Snapshot>> = mechanism.keys.iter().map(|key| key.snapshot()).collect();
    let others: Vec<&Attributes> = others.iter().map(|other| &other.attributes).collect();
    match (&mechanism.params, &others[..]) {
        (Params::Key(_), [other]) => object::both(&from.attributes, other),
        (Params::Sp800108(_), others) => Ok(object::all_inputs(&from.attributes, others)),
        _ => Ok(from.attributes.clone()),
    }
}

/// A key of a few bytes can be guessed, and a sensitive base key read through it piece by piece. A
/// sensitive key that is data under a base key that somebody knows can be computed back.
///
/// # Errors
/// KeySizeRange for less than 112 bits from a sensitive key; TemplateInconsistent for a key that
/// would show such data.
fn hides(
    base: &Attributes,
    wanted: &Wanted,
    mechanism: &Mechanism<'_>,
    policy: Policy,
) -> Result<()> {
    if let Params::Sp800108(_) = mechanism.params {
        let mut others = mechanism.keys.iter().map(|key| key.snapshot());
        let hidden =
            others.try_for_each(|other| object::hides_like(wanted, &other.attributes, policy));
        hidden.or_else(|error| match policy.lets_pass(Relaxation::ShownInput) {
            true => Ok(()),
            false => Err(error),
        })?;
    }
    match wanted.length {
        // Data that is there to be read hides nothing.
        _ if wanted.attributes.class() == Some(ObjectClass::DATA) => Ok(()),
        Some(length) => policy.admit_derived(base, &wanted.attributes, length),
        None => Ok(()),
    }
}
