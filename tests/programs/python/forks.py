"""A program that logs in, signs and forks, and whose child initialises the module again, logs in and
signs, as workers of servers do: forks.py MODULE PIN-FILE LABEL. The key is RSA, so both sign alike."""

import os
import pathlib
import sys

import PyKCS11

MODULE, PIN_FILE, LABEL = sys.argv[1:]
PIN = pathlib.Path(PIN_FILE).read_text()


def log_in(library):
    session = library.openSession(library.getSlotList(tokenPresent=True)[0], PyKCS11.CKF_RW_SESSION)
    session.login(PIN)
    return session


def sign(session):
    template = [(PyKCS11.CKA_CLASS, PyKCS11.CKO_PRIVATE_KEY), (PyKCS11.CKA_LABEL, LABEL)]
    [key] = session.findObjects(template)
    mechanism = PyKCS11.Mechanism(PyKCS11.CKM_SHA256_RSA_PKCS, None)
    return bytes(session.sign(key, b"a text to sign", mechanism))


library = PyKCS11.PyKCS11Lib()
library.load(MODULE)
session = log_in(library)
signature = sign(session)
reading, writing = os.pipe()
child = os.fork()
if child == 0:
    code = 1
    try:
        answer = library.lib.C_Initialize()
        assert answer == PyKCS11.CKR_OK, PyKCS11.CKR.get(answer)
        os.write(writing, sign(log_in(library)))
        code = 0
    finally:
        os._exit(code)
os.close(writing)
theirs = os.read(reading, 4096)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "the child failed"
assert theirs == signature, "the child signed something else"
assert sign(session) == signature, "the parent does not go on"
print("child and parent agree")
