"""Passwords: what is accepted, how they are kept, and how guessing is slowed down.

The policy follows NIST SP 800-63B: length instead of composition rules, and no password that everybody
tries first. Hashes are Argon2id with the OWASP parameters for 19 MiB.
"""

from __future__ import annotations

import secrets
import threading
import unicodedata
from datetime import datetime, timedelta
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH = 10
MAX_LENGTH = 200
LOCK_AFTER_FAILURES = 8
LOCK = timedelta(minutes=15)
FREE_FAILURES = 2  # a slip of the finger costs nothing

_HASHES_AT_ONCE = 4  # a storm of sign-ins must not take all memory: 19 MiB each

# Of those long enough to pass the length rule, the ones that lists of leaked passwords open with.
_OPENERS = """
    1234567890 12345678910 0123456789 123456789a 1234567891 123456789q 9876543210 1q2w3e4r5t 1qaz2wsx3edc
    q1w2e3r4t5 qwertyuiop qwerty12345 qwerty123456 asdfghjkl1 zxcvbnm123 qazwsxedcrfv 1111111111 0000000000
    8888888888 6666666666 1212121212 1122334455 a123456789 aa123456789 abc123456789 abcd123456 abcdefghij
    password12 password123 password1234 passw0rd123 p@ssw0rd123 administrator admin12345 admin123456
    iloveyou123 letmein123 welcome123 woaini1314 woaini520520 5201314520 wang123456 zhang123456 li123456789
    caoyang123 shanghai123 ironfeet123 changeme123
"""
_COMMON = frozenset(_OPENERS.split())

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # no 0/o, no 1/l/i: first passwords are read from paper

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_turns = threading.BoundedSemaphore(_HASHES_AT_ONCE)


def normal(password: str) -> str:
    """One form for what different keyboards send for the same characters (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def weakness(password: str, username: str) -> str | None:
    """Why *password* is not accepted for *username*, as a sentence, or None where it is."""
    text = normal(password)
    plain = text.casefold()
    if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
        return f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters."
    if plain == username.casefold():
        return "A password is not the user name."
    if plain in _COMMON or len(set(plain)) <= 2:
        return "This password is among the first that anybody would try."
    return None


def first_password() -> str:
    """A random password to hand over on paper; 74 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(3))


def hash_password(password: str) -> str:
    """The Argon2id hash to keep, with its salt and parameters."""
    with _turns:
        return _hasher.hash(normal(password))


def fits(password_hash: str, password: str) -> bool:
    """True where *password* is the one that *password_hash* was made from."""
    try:
        with _turns:
            return _hasher.verify(password_hash, normal(password))
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(password_hash: str) -> bool:
    """True where the hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


@lru_cache(maxsize=1)
def nobodys_hash() -> str:
    """A hash to check against where there is no such user, so that the answer takes as long."""
    return hash_password("nobody has this password")


def failures_after(failures: int) -> int:
    """The count after one more failure; a lock that has been sat out starts the count again."""
    return 1 if failures >= LOCK_AFTER_FAILURES else failures + 1


def next_try_at(failures: int, now: datetime) -> datetime | None:
    """When the next try is allowed after *failures* in a row: at once, 1, 2, 4 … s, then a lock."""
    if failures <= FREE_FAILURES:
        return None
    if failures >= LOCK_AFTER_FAILURES:
        return now + LOCK
    return now + timedelta(seconds=2 ** (failures - FREE_FAILURES - 1))
