//! The calls that are timed.

use std::ptr;

use pkcs11_sys as ck;

use crate::contender::{Contender, F4, attribute, call, mechanism};

impl Contender {
    pub fn sign(&self, mut how: ck::CK_MECHANISM, key: ck::CK_OBJECT_HANDLE, data: &[u8]) {
        let mut signature = [0u8; 512];
        let mut len = signature.len() as ck::CK_ULONG;
        call!(self, C_SignInit(self.session, &mut how, key));
        let data_len = data.len() as ck::CK_ULONG;
        let data = data.as_ptr().cast_mut();
        call!(self, C_Sign(self.session, data, data_len, signature.as_mut_ptr(), &mut len));
    }

    /// PSS with SHA-256, MGF1 with the same, a salt of 32 bytes.
    pub fn sign_pss(&self, key: ck::CK_OBJECT_HANDLE, digest: &[u8; 32]) {
        let mut params = ck::CK_RSA_PKCS_PSS_PARAMS {
            hashAlg: ck::CKM_SHA256,
            mgf: ck::CKG_MGF1_SHA256,
            sLen: 32,
        };
        let how = ck::CK_MECHANISM {
            mechanism: ck::CKM_RSA_PKCS_PSS,
            pParameter: (&raw mut params).cast(),
            ulParameterLen: size_of_val(&params) as ck::CK_ULONG,
        };
        self.sign(how, key, digest);
    }

    pub fn gcm(&self, key: ck::CK_OBJECT_HANDLE, data: &[u8], out: &mut [u8]) {
        let iv = [9u8; 12];
        let mut params = ck::CK_GCM_PARAMS {
            pIv: iv.as_ptr().cast_mut(),
            ulIvLen: 12,
            ulIvBits: 96,
            pAAD: ptr::null_mut(),
            ulAADLen: 0,
            ulTagBits: 128,
        };
        let mut how = ck::CK_MECHANISM {
            mechanism: ck::CKM_AES_GCM,
            pParameter: (&raw mut params).cast(),
            ulParameterLen: size_of::<ck::CK_GCM_PARAMS>() as ck::CK_ULONG,
        };
        let mut len = out.len() as ck::CK_ULONG;
        call!(self, C_EncryptInit(self.session, &mut how, key));
        let data_len = data.len() as ck::CK_ULONG;
        let data = data.as_ptr().cast_mut();
        call!(self, C_Encrypt(self.session, data, data_len, out.as_mut_ptr(), &mut len));
    }

    /// How many private keys of this identifier there are, as far as `found` has room for them.
    pub fn find(&self, key_id: &[u8], found: &mut [ck::CK_OBJECT_HANDLE]) -> usize {
        self.find_class(ck::CKO_PRIVATE_KEY, key_id, found)
    }

    /// The secret key of this identifier.
    pub fn find_secret(&self, key_id: &[u8]) -> Option<ck::CK_OBJECT_HANDLE> {
        let mut found = [0];
        (self.find_class(ck::CKO_SECRET_KEY, key_id, &mut found) == 1).then_some(found[0])
    }

    fn find_class(
        &self,
        class: ck::CK_OBJECT_CLASS,
        key_id: &[u8],
        found: &mut [ck::CK_OBJECT_HANDLE],
    ) -> usize {
        let mut template = [attribute(ck::CKA_CLASS, &class), attribute(ck::CKA_ID, key_id)];
        let (room, mut count) = (found.len() as ck::CK_ULONG, 0);
        call!(self, C_FindObjectsInit(self.session, template.as_mut_ptr(), 2));
        call!(self, C_FindObjects(self.session, found.as_mut_ptr(), room, &mut count));
        call!(self, C_FindObjectsFinal(self.session));
        count as usize
    }

    pub fn digest(&self, id: ck::CK_MECHANISM_TYPE, data: &[u8]) {
        let mut digest = [0u8; 64];
        let mut len = digest.len() as ck::CK_ULONG;
        call!(self, C_DigestInit(self.session, &mut mechanism(id)));
        let data_len = data.len() as ck::CK_ULONG;
        let data = data.as_ptr().cast_mut();
        call!(self, C_Digest(self.session, data, data_len, digest.as_mut_ptr(), &mut len));
    }

    pub fn random(&self, out: &mut [u8]) {
        let len = out.len() as ck::CK_ULONG;
        call!(self, C_GenerateRandom(self.session, out.as_mut_ptr(), len));
    }

    /// Class, key type, identifier and CKA_SIGN of a key.
    pub fn four_attributes(&self, key: ck::CK_OBJECT_HANDLE) {
        let mut values = [[0u8; 64]; 4];
        let ids = [ck::CKA_CLASS, ck::CKA_KEY_TYPE, ck::CKA_ID, ck::CKA_SIGN];
        let mut values = values.iter_mut();
        let mut template = ids.map(|id| {
            let value = values.next().unwrap();
            ck::CK_ATTRIBUTE {
                type_: id,
                pValue: value.as_mut_ptr().cast(),
                ulValueLen: value.len() as ck::CK_ULONG,
            }
        });
        call!(self, C_GetAttributeValue(self.session, key, template.as_mut_ptr(), 4));
    }

    /// A session key that is made and destroyed.
    pub fn brief_secret(&self) {
        let key = self.secret_key(ck::CKM_AES_KEY_GEN, ck::CK_FALSE, b"brief");
        self.destroy(key);
    }

    /// An RSA-2048 pair of the session that is made and destroyed.
    pub fn brief_rsa(&self) {
        let (no, yes, bits) = (ck::CK_FALSE, ck::CK_TRUE, 2048 as ck::CK_ULONG);
        let mut public = [
            attribute(ck::CKA_TOKEN, &no),
            attribute(ck::CKA_VERIFY, &yes),
            attribute(ck::CKA_MODULUS_BITS, &bits),
            attribute(ck::CKA_PUBLIC_EXPONENT, F4),
        ];
        let mut private = [attribute(ck::CKA_TOKEN, &no), attribute(ck::CKA_SIGN, &yes)];
        let (mut how, mut a, mut b) = (mechanism(ck::CKM_RSA_PKCS_KEY_PAIR_GEN), 0, 0);
        let (one, two) = (public.as_mut_ptr(), private.as_mut_ptr());
        call!(self, C_GenerateKeyPair(self.session, &mut how, one, 4, two, 2, &mut a, &mut b));
        self.destroy(a);
        self.destroy(b);
    }

    fn destroy(&self, object: ck::CK_OBJECT_HANDLE) {
        call!(self, C_DestroyObject(self.session, object));
    }
}
