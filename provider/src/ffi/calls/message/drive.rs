//! What the message-based functions share: the parameter of a message in and out, the session
//! between.

use pkcs11_sys::{
    CK_BYTE_PTR, CK_FLAGS, CK_MECHANISM_PTR, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_ULONG,
    CK_ULONG_PTR, CK_VOID_PTR, CKF_END_OF_MESSAGE,
};

use crate::error::{Code, Result};
use crate::ffi::params::RawParams;
use crate::ffi::transfer::Written;
use crate::ffi::{mechanism, transfer};
use crate::handle::Handle;
use crate::mechanism::message::MessageParams;
use crate::module::Module;
use crate::session::Session;
use crate::session::active::Class;
use crate::session::message::Message;

/// Starts a process; a NULL mechanism ends the one that runs.
///
/// # Safety
/// `mechanism` is NULL or readable with its parameter.
pub(super) unsafe fn init(
    session: &mut Session,
    class: Class,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> Result<()> {
    if mechanism.is_null() {
        // C_MessageEncryptInit does not list CKR_ARGUMENTS_BAD.
        let code = match class {
            Class::Encrypt => Code::MechanismInvalid,
            _ => Code::ArgumentsBad,
        };
        return match session.message_end(class) {
            true => Ok(()),
            false => Err(code.because("pMechanism is NULL and no process runs")),
        };
    }
    // SAFETY: the caller's promise.
    let (spec, params) = unsafe {
        mechanism::read_raw(session, mechanism, |row| row.takes_messages(class.function()))?
    };
    session.message_init(class, spec, params, Handle::from_raw(key))
}

/// Ends a process.
pub(super) fn finish(
    module: &'static Module,
    session: CK_SESSION_HANDLE,
    class: Class,
) -> Result<()> {
    module.session(session)?.message_final(class)
}

/// A message in one part. Nonce and tag are written when the output is, since they may lie in it.
///
/// # Safety
/// As the functions that call it.
pub(super) unsafe fn whole(
    session: &mut Session,
    class: Class,
    (parameter, aad): ((CK_VOID_PTR, CK_ULONG), (CK_BYTE_PTR, CK_ULONG)),
    input: (CK_BYTE_PTR, CK_ULONG),
    output: (CK_BYTE_PTR, CK_ULONG_PTR),
) -> Result<()> {
    session.message_ready(class)?;
    // SAFETY: the caller's promise.
    let params = session.message_params(class, unsafe { read(parameter)? })?;
    // SAFETY: the caller's promise; what is read here is copied, before there is an output.
    let aad = unsafe { transfer::bytes(aad.0, aad.1, "pAssociatedData")? }.to_vec();
    let mut message = message(&params, &aad)?;
    message.tag = tag(&params, class)?;
    // SAFETY: the caller's promise.
    let buffers = unsafe { transfer::input_and_output((input.0, input.1), (output.0, output.1)) };
    let (input, buffer) = buffers?;
    let written = session.message(class, &mut message, (input.bytes(), buffer))?;
    if class == Class::Encrypt && matches!(written, Written::Done(_)) {
        params.raw.nonce.write(&message.nonce);
        params.raw.tag.write(&message.tag);
    }
    // SAFETY: the length is not NULL, or there would have been an error.
    unsafe { transfer::deliver(written, output.1) }
}

/// The beginning of a message in parts.
///
/// # Safety
/// As the functions that call it.
pub(super) unsafe fn begin(
    session: &mut Session,
    class: Class,
    parameter: (CK_VOID_PTR, CK_ULONG),
    aad: (CK_BYTE_PTR, CK_ULONG),
) -> Result<()> {
    session.message_ready(class)?;
    // SAFETY: the caller's promise.
    let params = session.message_params(class, unsafe { read(parameter)? })?;
    // SAFETY: the caller's promise.
    let aad = unsafe { transfer::bytes(aad.0, aad.1, "pAssociatedData") };
    // C_EncryptMessageBegin does not list CKR_ARGUMENTS_BAD.
    let aad = aad.map_err(|error| error.with_code(Code::MechanismParamInvalid))?;
    let mut message = message(&params, aad)?;
    session.message_begin(class, &mut message)?;
    if class == Class::Encrypt {
        params.raw.nonce.write(&message.nonce);
    }
    Ok(())
}

/// A part of a message; only the parameter of the last one says something.
///
/// # Safety
/// As the functions that call it.
pub(super) unsafe fn next(
    session: &mut Session,
    class: Class,
    parameter: (CK_VOID_PTR, CK_ULONG),
    input: (CK_BYTE_PTR, CK_ULONG),
    output: (CK_BYTE_PTR, CK_ULONG_PTR),
    flags: CK_FLAGS,
) -> Result<()> {
    let beside = match flags & CKF_END_OF_MESSAGE {
        0 => Ok(None),
        // SAFETY: the caller's promise.
        _ => unsafe { last(session, class, parameter) }.map(Some),
    };
    // SAFETY: the caller's promise; what lies beside was copied, before there is an output.
    let buffers = unsafe { transfer::input_and_output((input.0, input.1), (output.0, output.1)) };
    let written = match beside.and_then(|beside| Ok((beside, buffers?))) {
        Err(e) => return Err(session.message_refused(class, e)),
        Ok((None, (input, buffer))) => session.message_next(class, input.bytes(), buffer)?,
        Ok((Some((params, mut tag)), (input, buffer))) => {
            let written = session.message_last(class, &mut tag, input.bytes(), buffer)?;
            if class == Class::Encrypt && matches!(written, Written::Done(_)) {
                params.raw.tag.write(&tag);
            }
            written
        }
    };
    // SAFETY: the length is not NULL, or there would have been an error.
    unsafe { transfer::deliver(written, output.1) }
}

/// The parameter of the last part, and the tag or room for it.
///
/// # Safety
/// As the functions that call it.
unsafe fn last<'a>(
    session: &mut Session,
    class: Class,
    parameter: (CK_VOID_PTR, CK_ULONG),
) -> Result<(MessageParams<'a>, Vec<u8>)> {
    // SAFETY: the caller's promise.
    let params = session.message_params(class, unsafe { read(parameter)? })?;
    let tag = tag(&params, class)?;
    Ok((params, tag))
}

/// What goes in beside the data, but for the tag.
fn message<'a>(params: &MessageParams<'_>, aad: &'a [u8]) -> Result<Message<'a>> {
    Ok(Message {
        scheme: params.scheme,
        fixed_bits: params.raw.fixed_bits,
        generator: params.raw.generator,
        nonce: params.raw.nonce.read()?,
        tag: Vec::new(),
        aad,
    })
}

/// The tag to check, or room for the one to make: what lies there before is not read.
fn tag(params: &MessageParams<'_>, class: Class) -> Result<Vec<u8>> {
    match class {
        Class::Decrypt => params.raw.tag.read(),
        _ => params.raw.tag.require().map(|()| vec![0; params.raw.tag.len()]),
    }
}

/// The beginning of a message that is signed or verified in parts.
pub(super) fn sign_begin(
    module: &'static Module,
    session: CK_SESSION_HANDLE,
    class: Class,
    parameter_len: CK_ULONG,
) -> Result<()> {
    let mut session = module.session(session)?;
    session.message_ready(class)?;
    no_parameter(parameter_len)?;
    session.sign_message_begin(class)
}

/// No signature mechanism has a parameter for single messages: what is given would not be used.
///
/// # Errors
/// MechanismParamInvalid for a parameter.
pub(super) fn no_parameter(len: CK_ULONG) -> Result<()> {
    match len {
        0 => Ok(()),
        _ => Err(Code::MechanismParamInvalid.because(format!(
            "{len} bytes of parameter for a message whose mechanism has its parameter from Init"
        ))),
    }
}

/// # Safety
/// As the functions that call it.
unsafe fn read<'a>((parameter, len): (CK_VOID_PTR, CK_ULONG)) -> Result<RawParams<'a>> {
    match isize::try_from(len) {
        Ok(len) if len == 0 || !parameter.is_null() => {
            // SAFETY: the caller's promise.
            Ok(unsafe { RawParams::new(parameter, len as usize) })
        }
        _ => Err(Code::MechanismParamInvalid.because(format!("pParameter with length {len:#x}"))),
    }
}
