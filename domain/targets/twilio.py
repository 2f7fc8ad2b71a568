"""Twilio: a text message or a call to one number, at most once where the outcome is unknown.

Fields, limits and statuses: Twilio's API documentation of 2010-04-01, "Messages" and "Calls". Twilio has no
idempotency key, so a request that may have reached it cannot be made again without risking a second call.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from domain.events import CloudEvent
from domain.headers import USER_AGENT
from domain.targets import kinds, words
from domain.targets.base import FORM, Bases, Call, Verdict, json_object, verdict_of
from domain.targets.errors import InvalidNotifyError
from domain.targets.notify_url import NotifyUrl

SMS_LENGTH = 480  # some four parts on a phone's bill; Twilio takes 1,600
SPOKEN_LENGTH = 600  # some forty seconds of speech; at five characters each (&amp;) still under Twilio's 4,000

_SID = re.compile(r"AC[0-9a-fA-F]{32}")
_API_KEY = re.compile(r"SK[0-9a-fA-F]{32}")
_TOKEN = re.compile(r"[A-Za-z0-9]{32}")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
_ACCEPTED = frozenset({200, 201})
_METHODS = ("sms", "call")
_OPTIONS = ("from", "to", "sid", "token", "apikey", "method")


@dataclass(frozen=True)
class Twilio:
    """One phone that is texted or called from an account's number.

    Attributes:
        api_key: an API key's SID that signs in instead of the account's; the token is then its secret.
        method: ``sms`` or ``call``.
    """

    kind: ClassVar[str] = kinds.TWILIO

    sid: str = field(repr=False)
    token: str = field(repr=False)
    sender: str = field(repr=False)
    receiver: str = field(repr=False)
    api_key: str = field(default="", repr=False)
    method: str = "sms"

    @property
    def secrets(self) -> Sequence[str]:
        """Ids, token, their joint spelling in a header, and both numbers, with or without the plus sign."""
        numbers = (self.sender.removeprefix("+"), self.receiver.removeprefix("+"))
        return (self.sid, self.token, self.api_key, self._login, *numbers)

    @property
    def _login(self) -> str:
        return base64.b64encode(f"{self.api_key or self.sid}:{self.token}".encode()).decode()

    def calls(self, event: CloudEvent, bases: Bases) -> list[Call]:
        """One request. Its connection is its own: one that was kept open may be closed just as it is used."""
        said = "\n".join(part for part in (words.title_of(event), words.body_of(event)) if part)
        what = {"Body": words.cut(said, SMS_LENGTH)} if self.method == "sms" else {"Twiml": twiml(said)}
        resource = "Messages" if self.method == "sms" else "Calls"
        headers = {
            "Content-Type": FORM,
            "Authorization": f"Basic {self._login}",
            "User-Agent": USER_AGENT,
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        url = f"{bases.twilio}/2010-04-01/Accounts/{self.sid}/{resource}.json"
        return [Call(url, headers, urlencode({"To": self.receiver, "From": self.sender} | what).encode())]

    def judge(self, status: int, body: bytes) -> Verdict:
        """201 is queued; 429 and 5xx did nothing and are for later; other 4xx say what is wrong."""
        return verdict_of(status, _ACCEPTED, str(json_object(body).get("message") or ""))


def twiml(said: str) -> str:
    """What is spoken on the phone, twice over: valid XML of at most 4,000 characters, Twilio's limit."""
    plain = words.cut(_NOT_XML.sub("", said), SPOKEN_LENGTH)
    return f'<Response><Say loop="2">{escape(plain)}</Say></Response>'


def parse(url: NotifyUrl) -> Twilio:
    """``twilio://ACCOUNT_SID:AUTH_TOKEN@FROM/TO?method=sms|call[&apikey=SK...]``; one number to tell.

    Raises:
        InvalidNotifyError: for ids, numbers or a method out of form, and for several numbers.
    """
    url.require(*_OPTIONS)
    sid, token = url.options.get("sid") or url.user, url.options.get("token") or url.password
    if not _SID.fullmatch(sid) or not _TOKEN.fullmatch(token):
        raise InvalidNotifyError(
            reason="Twilio's account SID is AC and 32 hexadecimal digits, its auth token 32 letters and digits"
        )
    api_key = url.options.get("apikey", "")
    if api_key and not _API_KEY.fullmatch(api_key):
        raise InvalidNotifyError(reason="an API key of Twilio is SK and 32 hexadecimal digits")
    method = url.options.get("method", "sms").lower()
    if method not in _METHODS:
        raise InvalidNotifyError(reason="Twilio's method is sms or call")
    told = [*url.path, *(part for part in url.options.get("to", "").split(",") if part)]
    if len(told) != 1:
        raise InvalidNotifyError(
            reason=f"twilio:// names {len(told)} numbers to tell, and one is needed: each number is a delivery of its "
            "own, so add a subscriber for each"
        )
    return Twilio(
        sid=sid,
        token=token,
        sender=_number(url.options.get("from") or url.host, "to send from", short=method == "sms"),
        receiver=_number(told[0], "to tell", short=False),
        api_key=api_key,
        method=method,
    )


def _number(given: str, role: str, *, short: bool) -> str:
    """A number in E.164 form, or a short code of 5 or 6 digits."""
    digits = re.sub(r"[\s().-]", "", given).removeprefix("+")
    if digits.isascii() and digits.isdigit():
        if 8 <= len(digits) <= 15:
            return f"+{digits}"
        if short and len(digits) in {5, 6}:
            return digits
    raise InvalidNotifyError(reason=f"the number {role} is not in international form, such as +15551234567")
