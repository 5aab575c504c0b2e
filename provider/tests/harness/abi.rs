//! The C interface as data: every function with its place in the function list and its arguments.

/// What stands for an argument of a C function.
#[derive(Debug)]
pub enum Arg<'a> {
    /// A handle, a length, flags.
    Number(u64),
    /// A NULL pointer.
    Null,
    Bytes(&'a [u8]),
    BytesMut(&'a mut [u8]),
    /// A structure or array made of words: `CK_MECHANISM`, an array of `CK_ATTRIBUTE`.
    Words(&'a [u64]),
    WordsMut(&'a mut [u64]),
    /// A pointer of the module's own, from an earlier answer.
    Returned(usize),
}

impl Arg<'_> {
    /// The argument as the register that carries it, and whether it is a number.
    pub(super) fn register(&mut self) -> (usize, bool) {
        match self {
            Self::Number(number) => (*number as usize, true),
            Self::Null => (0, false),
            Self::Bytes(bytes) => (bytes.as_ptr() as usize, false),
            Self::BytesMut(bytes) => (bytes.as_mut_ptr() as usize, false),
            Self::Words(words) => (words.as_ptr() as usize, false),
            Self::WordsMut(words) => (words.as_mut_ptr() as usize, false),
            Self::Returned(pointer) => (*pointer, false),
        }
    }
}

/// How many functions the lists of 2.40, 3.0 and 3.2 hold.
pub const COUNTS: [((u8, u8), usize); 3] = [((2, 40), 68), ((3, 0), 92), ((3, 2), 104)];

/// The most arguments that a function takes.
pub const MOST_ARGUMENTS: usize = 10;

/// The functions in the order of `CK_FUNCTION_LIST_3_2`; of each argument whether it is a number
/// (`n`) or a pointer (`p`).
#[rustfmt::skip]
pub const FUNCTIONS: [(&str, &str); 104] = [
    ("C_Initialize", "p"), ("C_Finalize", "p"), ("C_GetInfo", "p"), ("C_GetFunctionList", "p"),
    ("C_GetSlotList", "npp"), ("C_GetSlotInfo", "np"), ("C_GetTokenInfo", "np"),
    ("C_GetMechanismList", "npp"), ("C_GetMechanismInfo", "nnp"), ("C_InitToken", "npnp"),
    ("C_InitPIN", "npn"), ("C_SetPIN", "npnpn"), ("C_OpenSession", "nnppp"),
    ("C_CloseSession", "n"), ("C_CloseAllSessions", "n"), ("C_GetSessionInfo", "np"),
    ("C_GetOperationState", "npp"), ("C_SetOperationState", "npnnn"), ("C_Login", "nnpn"),
    ("C_Logout", "n"), ("C_CreateObject", "npnp"), ("C_CopyObject", "nnpnp"),
    ("C_DestroyObject", "nn"), ("C_GetObjectSize", "nnp"), ("C_GetAttributeValue", "nnpn"),
    ("C_SetAttributeValue", "nnpn"), ("C_FindObjectsInit", "npn"), ("C_FindObjects", "npnp"),
    ("C_FindObjectsFinal", "n"), ("C_EncryptInit", "npn"), ("C_Encrypt", "npnpp"),
    ("C_EncryptUpdate", "npnpp"), ("C_EncryptFinal", "npp"), ("C_DecryptInit", "npn"),
    ("C_Decrypt", "npnpp"), ("C_DecryptUpdate", "npnpp"), ("C_DecryptFinal", "npp"),
    ("C_DigestInit", "np"), ("C_Digest", "npnpp"), ("C_DigestUpdate", "npn"),
    ("C_DigestKey", "nn"), ("C_DigestFinal", "npp"), ("C_SignInit", "npn"), ("C_Sign", "npnpp"),
    ("C_SignUpdate", "npn"), ("C_SignFinal", "npp"), ("C_SignRecoverInit", "npn"),
    ("C_SignRecover", "npnpp"), ("C_VerifyInit", "npn"), ("C_Verify", "npnpn"),
    ("C_VerifyUpdate", "npn"), ("C_VerifyFinal", "npn"), ("C_VerifyRecoverInit", "npn"),
    ("C_VerifyRecover", "npnpp"), ("C_DigestEncryptUpdate", "npnpp"),
    ("C_DecryptDigestUpdate", "npnpp"), ("C_SignEncryptUpdate", "npnpp"),
    ("C_DecryptVerifyUpdate", "npnpp"), ("C_GenerateKey", "nppnp"),
    ("C_GenerateKeyPair", "nppnpnpp"), ("C_WrapKey", "npnnpp"), ("C_UnwrapKey", "npnpnpnp"),
    ("C_DeriveKey", "npnpnp"), ("C_SeedRandom", "npn"), ("C_GenerateRandom", "npn"),
    ("C_GetFunctionStatus", "n"), ("C_CancelFunction", "n"), ("C_WaitForSlotEvent", "npp"),
    ("C_GetInterfaceList", "pp"), ("C_GetInterface", "pppn"), ("C_LoginUser", "nnpnpn"),
    ("C_SessionCancel", "nn"), ("C_MessageEncryptInit", "npn"), ("C_EncryptMessage", "npnpnpnpp"),
    ("C_EncryptMessageBegin", "npnpn"), ("C_EncryptMessageNext", "npnpnppn"),
    ("C_MessageEncryptFinal", "n"), ("C_MessageDecryptInit", "npn"),
    ("C_DecryptMessage", "npnpnpnpp"), ("C_DecryptMessageBegin", "npnpn"),
    ("C_DecryptMessageNext", "npnpnppn"), ("C_MessageDecryptFinal", "n"),
    ("C_MessageSignInit", "npn"), ("C_SignMessage", "npnpnpp"), ("C_SignMessageBegin", "npn"),
    ("C_SignMessageNext", "npnpnpp"), ("C_MessageSignFinal", "n"),
    ("C_MessageVerifyInit", "npn"), ("C_VerifyMessage", "npnpnpn"),
    ("C_VerifyMessageBegin", "npn"), ("C_VerifyMessageNext", "npnpnpn"),
    ("C_MessageVerifyFinal", "n"), ("C_EncapsulateKey", "npnpnppp"),
    ("C_DecapsulateKey", "npnpnpnp"), ("C_VerifySignatureInit", "npnpn"),
    ("C_VerifySignature", "npn"), ("C_VerifySignatureUpdate", "npn"),
    ("C_VerifySignatureFinal", "n"), ("C_GetSessionValidationFlags", "nnp"),
    ("C_AsyncComplete", "npp"), ("C_AsyncGetID", "npp"), ("C_AsyncJoin", "npnpn"),
    ("C_WrapKeyAuthenticated", "npnnpnpp"), ("C_UnwrapKeyAuthenticated", "npnpnpnpnp"),
];

/// Where a function stands in the lists.
///
/// # Panics
/// For a name that is no function.
pub fn position(function: &str) -> usize {
    FUNCTIONS
        .iter()
        .position(|row| row.0 == function)
        .unwrap_or_else(|| panic!("{function} is no function of PKCS#11"))
}
