import logging
import os
import pickle
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.server.clients import ONE, boto3_client

from pinpoint_events.errors import ConfigurationError
from pinpoint_events.senders import MemorySender
from pinpoint_events.server import create_app, served
from pinpoint_events.server.keys import Credentials, FileKeys, Keys, redacted_key_id

KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOKEN = "AQoDYXdzEJr//////////wEaDG1pbmUgYWxvbmU=="
KEY = Credentials(KEY_ID, SECRET)

WEB = f"[web]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n"
JOB = "[job]\naws_access_key_id = AKIAJOB\naws_secret_access_key = job-secret\n"


def named(path: Path) -> str:
    """Return how messages name a file."""
    return f"credentials file {str(path)!r}"


def refused(act: object, *arguments: object) -> str:
    """Return what the error says, after a look at what it holds."""
    assert callable(act)
    with pytest.raises(ConfigurationError) as raised:
        act(*arguments)
    error: BaseException | None = raised.value
    while error is not None:
        assert SECRET not in repr(error)
        assert TOKEN not in repr(error)
        error = error.__cause__ or (
            None if error.__suppress_context__ else error.__context__
        )
    return str(raised.value)


def file_of(directory: Path, *profiles: str) -> Path:
    """Write a credentials file."""
    path = directory / "credentials"
    path.write_text("\n".join(profiles), encoding="utf-8")
    return path


def rewritten(path: Path, *profiles: str) -> None:
    """Put another file in the place of one, later by a second."""
    modified = path.stat().st_mtime_ns + 1_000_000_000
    other = path.with_name("other")
    other.write_text("\n".join(profiles), encoding="utf-8")
    os.utime(other, ns=(modified, modified))
    other.replace(path)


class TestCredentials:
    """A key holds what a signature can be made with, and keeps it to itself."""

    def test_repr(self) -> None:
        """Secret and token are not shown."""
        shown = repr(Credentials("AKIA", SECRET, TOKEN))
        assert shown == "Credentials(access_key_id='AKIA')"

    def test_value(self) -> None:
        """Two of equal parts are equal, hash alike, and go through pickle."""
        key = Credentials("AKIA", SECRET, TOKEN)
        assert key == Credentials("AKIA", SECRET, TOKEN)
        assert hash(key) == hash(Credentials("AKIA", SECRET, TOKEN))
        assert pickle.loads(pickle.dumps(key)) == key

    def test_empty_token(self) -> None:
        """An empty token is none, as an empty variable is to AWS clients."""
        assert Credentials(KEY_ID, SECRET, "") == KEY

    @pytest.mark.parametrize(
        "access_key_id", ["", "A B", "A/B", "A,B", "A=B", "A;B", "A\nB", "É"]
    )
    def test_unusable_id(self, access_key_id: str) -> None:
        """An id that no Authorization header could carry is refused."""
        assert refused(Credentials, access_key_id, SECRET) == (
            "the access key id is empty or holds white space or one of / , = ;; copy "
            "it again"
        )

    @pytest.mark.parametrize("secret", ["", f"{SECRET} ", f"{SECRET}\nx", "É"])
    def test_unusable_secret(self, secret: str) -> None:
        """A secret is one word."""
        assert refused(Credentials, KEY_ID, secret) == (
            "the secret access key is empty or holds white space; copy it again"
        )

    @pytest.mark.parametrize(
        "parts", [(f'"{KEY_ID}"', SECRET), (KEY_ID, f"'{SECRET}'")]
    )
    def test_quoted(self, parts: tuple[str, str]) -> None:
        """Quotation marks are no part of a key; whoever copied them is told so."""
        assert refused(Credentials, *parts) == (
            "the key is in quotation marks; remove them"
        )

    def test_unusable_token(self) -> None:
        """So is a session token."""
        assert refused(Credentials, KEY_ID, SECRET, f"{TOKEN}\n") == (
            "the session token holds white space; copy it again"
        )

    @pytest.mark.parametrize(
        "access_key_id, shown",
        [
            ("", "'…'"),
            ("abc", "'…'"),
            ("abcd", "'…d'"),
            ("0123456789", "'…89'"),
            (KEY_ID, "'…MPLE'"),
            (SECRET, "'…EKEY'"),
        ],
    )
    def test_shown_id(self, access_key_id: str, shown: str) -> None:
        """Messages show the end of an id, and never more than a quarter of it."""
        assert redacted_key_id(access_key_id) == shown


class TestKeys:
    """A set of keys finds each by its id."""

    def test_find(self) -> None:
        """Each key is found, and no other."""
        job = Credentials("AKIAJOB", "job-secret", TOKEN)
        keys = Keys([KEY, job])
        assert keys.find(KEY_ID) == KEY
        assert keys.find("AKIAJOB") == job
        assert keys.find("") is None
        assert keys.find(KEY_ID.lower()) is None

    def test_the_same_twice(self) -> None:
        """The same key may be named twice."""
        assert Keys([KEY, KEY]).find(KEY_ID) == KEY

    def test_none(self) -> None:
        """A set of no key would refuse everyone, and is a mistake."""
        assert refused(Keys, []) == "no key to accept; add one"

    def test_one_id_with_two_secrets(self) -> None:
        """No one could tell which of them is meant."""
        assert refused(Keys, [KEY, Credentials(KEY_ID, "another")]) == (
            "access key id '…MPLE' is there with two secrets or tokens; keep one of "
            "them"
        )

    def test_repr(self) -> None:
        """A set shows how many keys it has."""
        assert repr(Keys([KEY])) == "<Keys of 1>"

    def test_reload(self) -> None:
        """There is nothing to read again."""
        keys = Keys([KEY])
        assert keys.reload() is False
        assert keys.find(KEY_ID) == KEY


class TestFromEnvironment:
    """The key may be that of the variables which AWS clients read."""

    def test_key(self) -> None:
        """Id and secret make a key."""
        found = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}
        assert Keys.from_environment(found).find(KEY_ID) == KEY

    @pytest.mark.parametrize(
        "tokens, token",
        [
            ({"AWS_SESSION_TOKEN": "new"}, "new"),
            ({"AWS_SECURITY_TOKEN": "old"}, "old"),
            ({"AWS_SESSION_TOKEN": "new", "AWS_SECURITY_TOKEN": "old"}, "old"),
            ({"AWS_SESSION_TOKEN": "new", "AWS_SECURITY_TOKEN": ""}, "new"),
            ({"AWS_SESSION_TOKEN": ""}, None),
        ],
    )
    def test_token(self, tokens: dict[str, str], token: str | None) -> None:
        """A session token goes with it, under both names that botocore looks for."""
        found = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}
        keys = Keys.from_environment({**found, **tokens})
        assert keys.find(KEY_ID) == Credentials(KEY_ID, SECRET, token)

    @pytest.mark.parametrize(
        "found, missing",
        [
            ({}, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
            ({"AWS_ACCESS_KEY_ID": KEY_ID}, "AWS_SECRET_ACCESS_KEY"),
            ({"AWS_SECRET_ACCESS_KEY": SECRET}, "AWS_ACCESS_KEY_ID"),
            (
                {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": SECRET},
                "AWS_ACCESS_KEY_ID",
            ),
        ],
    )
    def test_missing(self, found: dict[str, str], missing: str) -> None:
        """What is missing is named."""
        assert refused(Keys.from_environment, found) == (
            f"no key in the environment: set {missing}"
        )

    def test_unusable(self) -> None:
        """It is said that the key is that of the environment."""
        found = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": f"{SECRET} "}
        assert refused(Keys.from_environment, found) == (
            "the key in the environment is of no use: the secret access key is empty "
            "or holds white space; copy it again"
        )

    def test_own_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """By default the process's own variables are read."""
        for name in ("AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        assert Keys.from_environment().find(KEY_ID) == KEY


class TestFromFile:
    """A file has the format of AWS's shared credentials file."""

    def test_every_profile(self, tmp_path: Path) -> None:
        """The keys of all profiles are accepted, whatever else stands there."""
        path = file_of(
            tmp_path,
            "# ours\n[default]\nregion = eu-west-1",
            "[DEFAULT]\naws_access_key_id : AKIACOLON\naws_secret_access_key: %(x)s",
            WEB,
            "[lent]\nAWS_ACCESS_KEY_ID=ASIALENT\naws_secret_access_key=lent-secret",
            f"aws_session_token={TOKEN}\n; later\nrole_arn = arn:aws:iam::1:role/x",
            "[old]\naws_access_key_id=ASIAOLD\naws_secret_access_key=old-secret",
            "aws_security_token=old\naws_session_token=new",
        )
        keys = Keys.from_file(path)
        assert keys.find(KEY_ID) == KEY
        assert keys.find("AKIACOLON") == Credentials("AKIACOLON", "%(x)s")
        assert keys.find("ASIALENT") == Credentials("ASIALENT", "lent-secret", TOKEN)
        assert keys.find("ASIAOLD") == Credentials("ASIAOLD", "old-secret", "old")
        assert repr(keys) == "<FileKeys of 4>"

    def test_byte_order_mark(self, tmp_path: Path) -> None:
        """A file from Windows may begin with a mark, and end its lines in two bytes."""
        path = tmp_path / "credentials"
        path.write_bytes(b"\xef\xbb\xbf" + WEB.replace("\n", "\r\n").encode())
        assert Keys.from_file(str(path)).find(KEY_ID) == KEY

    def test_no_key(self, tmp_path: Path) -> None:
        """A file without a key is a mistake."""
        path = file_of(tmp_path, "[default]\nregion = eu-west-1")
        assert refused(Keys.from_file, path) == (
            f"{named(path)} holds no key; give a profile aws_access_key_id "
            "and aws_secret_access_key"
        )

    @pytest.mark.parametrize(
        "profile, missing",
        [
            (f"aws_access_key_id={KEY_ID}", "aws_secret_access_key"),
            (f"aws_secret_access_key={SECRET}", "aws_access_key_id"),
        ],
    )
    def test_half_a_key(self, tmp_path: Path, profile: str, missing: str) -> None:
        """Half a key is a mistake, and its profile is named."""
        path = file_of(tmp_path, JOB, f"[web]\n{profile}")
        assert refused(Keys.from_file, path) == (
            f"{named(path)}, profile 'web': {missing} is missing; add it"
        )

    def test_indented_line(self, tmp_path: Path) -> None:
        """A line that continues the secret by mistake makes it no secret."""
        path = file_of(tmp_path, WEB.rstrip() + f"\n  aws_session_token = {TOKEN}")
        assert refused(Keys.from_file, path) == (
            f"{named(path)}, profile 'web': the secret access key is empty "
            "or holds white space; copy it again"
        )

    def test_one_id_twice(self, tmp_path: Path) -> None:
        """An access key id stands for one key."""
        path = file_of(tmp_path, WEB, JOB.replace("AKIAJOB", KEY_ID))
        assert refused(Keys.from_file, path) == (
            f"{named(path)}: access key id '…MPLE' is there with two secrets "
            "or tokens; keep one of them"
        )

    @pytest.mark.parametrize(
        "text, message",
        [
            (
                f"aws_secret_access_key = {SECRET}\n{WEB}",
                ("1 is in no profile; begin one, with its name in brackets: [default]"),
            ),
            (f"{WEB}{SECRET}\n", "4 is no setting; write NAME = VALUE"),
            (f"{WEB}{WEB}", "4 begins a profile a second time; give it another name"),
            (
                f"{WEB}aws_secret_access_key = {SECRET}\n",
                "4 sets what its profile has set already; leave one of them out",
            ),
        ],
        ids=["outside a profile", "no setting", "profile twice", "setting twice"],
    )
    def test_faulty_line(self, tmp_path: Path, text: str, message: str) -> None:
        """The line is named, and never shown."""
        path = file_of(tmp_path, text)
        found = refused(Keys.from_file, path)
        assert found == f"{named(path)}: line {message}"

    def test_no_text(self, tmp_path: Path) -> None:
        """A file that is not UTF-8 is refused."""
        path = tmp_path / "credentials"
        path.write_bytes(WEB.encode("utf-16"))
        message = f"{named(path)} is not UTF-8; save it as that"
        assert refused(Keys.from_file, path) == message

    def test_no_file(self, tmp_path: Path) -> None:
        """A file that is not there is refused, with the system's reason."""
        path = tmp_path / "nowhere"
        assert refused(Keys.from_file, path) == (
            f"{named(path)} cannot be read: {os.strerror(2)}; name another, "
            "or let this user read it"
        )

    @pytest.mark.parametrize("wrong", ["planted\0", "planted\ud800"])
    def test_character_that_no_path_has(self, wrong: str) -> None:
        """It is refused, and not shown: it may be a key."""
        assert refused(Keys.from_file, wrong) == (
            "path has a character that no path can have; pass another path"
        )

    @pytest.mark.parametrize("wrong", ['{"key": "planted"}', "[web]\nkey = planted"])
    def test_data_in_place_of_a_path(self, wrong: str) -> None:
        """What does not look like a path is not shown."""
        assert refused(Keys.from_file, wrong) == (
            "credentials file at a path that is not shown cannot be read: "
            f"{os.strerror(2)}; name another, or let this user read it"
        )


class TestReload:
    """The keys of a file follow the file."""

    def test_changed_file(self, tmp_path: Path) -> None:
        """Keys that were added are accepted, those that were taken out are not."""
        path = file_of(tmp_path, WEB)
        keys = FileKeys(path)
        rewritten(path, JOB)
        assert keys.find(KEY_ID) is None
        assert keys.find("AKIAJOB") == Credentials("AKIAJOB", "job-secret")

    def test_written_in_place(self, tmp_path: Path) -> None:
        """Another size is a change, whatever the time of the file."""
        path = file_of(tmp_path, WEB)
        before = path.stat()
        keys = FileKeys(path)
        path.write_text(WEB + JOB, encoding="utf-8")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert keys.find("AKIAJOB") is not None

    def test_on_call(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """A file that looks unchanged is read again when that is asked for."""
        path = file_of(tmp_path, JOB)
        before = path.stat()
        keys = FileKeys(path)
        path.write_text(JOB.replace("job-secret", "JOB-SECRET"), encoding="utf-8")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        with caplog.at_level(logging.INFO, "pinpoint_events"):
            assert keys.reload() is True
        assert keys.find("AKIAJOB") == Credentials("AKIAJOB", "JOB-SECRET")
        [record] = caplog.records
        assert (record.levelname, record.getMessage()) == ("INFO", "keys reloaded")
        assert vars(record)["pinpoint_events.path"] == str(path)
        assert vars(record)["pinpoint_events.count"] == 1

    def test_broken_file(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A faulty file changes nothing, and is told of once, without a secret."""
        path = file_of(tmp_path, WEB)
        keys = FileKeys(path)
        rewritten(path, f"{JOB}{SECRET}")
        assert keys.find(KEY_ID) == KEY
        assert keys.find("AKIAJOB") is None
        [record] = caplog.records
        assert record.levelname == "WARNING"
        assert record.getMessage() == (
            "keys not reloaded; those known before stay accepted"
        )
        assert vars(record)["pinpoint_events.problem"] == (
            f"{named(path)}: line 4 is no setting; write NAME = VALUE"
        )
        assert SECRET not in repr(vars(record))
        rewritten(path, JOB)
        assert keys.find("AKIAJOB") == Credentials("AKIAJOB", "job-secret")

    def test_lost_file(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """A file that is gone changes nothing; it may come back."""
        path = file_of(tmp_path, WEB)
        keys = FileKeys(path)
        path.unlink()
        assert keys.find(KEY_ID) == KEY
        assert keys.find(KEY_ID) == KEY
        assert keys.reload() is False
        problem = (
            f"{named(path)} cannot be read: {os.strerror(2)}; name another, "
            "or let this user read it"
        )
        assert [
            vars(record)["pinpoint_events.problem"] for record in caplog.records
        ] == [
            problem,
            problem,
        ]
        file_of(tmp_path, JOB)
        assert keys.find(KEY_ID) is None

    @pytest.mark.skipif(
        os.name == "nt", reason="Windows renames nothing over a file that is read"
    )
    def test_threads(self, tmp_path: Path) -> None:
        """While a file is replaced, a key that stays is found by every thread."""
        path = file_of(tmp_path, WEB)
        keys = FileKeys(path)
        found: list[Credentials | None] = []
        done = threading.Event()

        def look() -> None:
            while not done.is_set():
                found.append(keys.find(KEY_ID))

        threads = [threading.Thread(target=look) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            rewritten(path, WEB, JOB)
            rewritten(path, WEB)
        done.set()
        for thread in threads:
            thread.join()
        assert set(found) == {KEY}


class Patient(FileKeys):
    """The keys of a file, with a clock that the test sets."""

    seconds = 1_000.0

    @staticmethod
    def _monotonic() -> float:
        return Patient.seconds


class TestUnreadable:
    """A file that cannot be read for a while."""

    @pytest.fixture(autouse=True)
    def _clock(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Patient, "seconds", 1_000.0)

    def test_tried_again(self, tmp_path: Path) -> None:
        """What was revoked is rejected as soon as the file can be read again."""
        path = file_of(tmp_path, WEB)
        keys = Patient(path)
        hidden = tmp_path / "hidden"
        path.rename(hidden)
        assert keys.find(KEY_ID) == KEY
        # The same file again, as after an operator's slip: nothing of it has changed.
        hidden.write_text(JOB, encoding="utf-8")
        before = hidden.stat()
        path.mkdir()
        assert keys.find(KEY_ID) == KEY
        path.rmdir()
        hidden.rename(path)
        assert path.stat().st_mtime_ns == before.st_mtime_ns
        Patient.seconds += 1
        assert keys.find(KEY_ID) is None
        assert keys.find("AKIAJOB") is not None

    def test_once_a_second(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It is not read at every call, and logged once a minute."""
        path = file_of(tmp_path, WEB)
        keys = Patient(path)
        path.write_bytes(b"\xff")
        assert keys.is_due
        for _ in range(3):
            assert keys.find(KEY_ID) == KEY
            assert not keys.is_due
        Patient.seconds += 1
        assert keys.is_due
        keys.refresh()
        assert len(caplog.records) == 1
        Patient.seconds += 59
        assert keys.find(KEY_ID) == KEY
        assert len(caplog.records) == 2

    def test_stale(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """After a minute no key is accepted, until the file can be read."""
        path = file_of(tmp_path, WEB)
        keys = Patient(path)
        path.unlink()
        assert keys.find(KEY_ID) == KEY
        Patient.seconds += 60
        assert keys.find(KEY_ID) == KEY
        Patient.seconds += 1
        assert keys.is_stale
        assert keys.find(KEY_ID) is None
        assert caplog.records[-1].getMessage() == "keys not reloaded; none is accepted"
        file_of(tmp_path, WEB)
        assert keys.find(KEY_ID) == KEY
        assert not keys.is_stale

    @pytest.mark.parametrize(
        "stale_seconds, is_accepted", [(None, True), (0.001, False)]
    )
    def test_for_how_long(
        self, tmp_path: Path, stale_seconds: float | None, *, is_accepted: bool
    ) -> None:
        """It can be set, also to for ever."""
        path = file_of(tmp_path, WEB)
        keys = Patient(path, stale_seconds=stale_seconds)
        path.unlink()
        assert keys.find(KEY_ID) == KEY
        Patient.seconds += 1_000_000
        assert (keys.find(KEY_ID) is not None) is is_accepted

    def test_wrong_setting(self, tmp_path: Path) -> None:
        """It is a number above zero, or None."""
        path = file_of(tmp_path, WEB)
        with pytest.raises(ConfigurationError, match="stale_seconds: is 0"):
            Keys.from_file(path, stale_seconds=0)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
    def test_pipe(self, tmp_path: Path) -> None:
        """A pipe is refused; to read it would wait for a writer."""
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        with pytest.raises(ConfigurationError) as caught:
            FileKeys(pipe)
        assert str(caught.value) == f"{named(pipe)} is no regular file; name one"

    def test_large_file(self, tmp_path: Path) -> None:
        """No more of it is read than its limit."""
        path = tmp_path / "keys"
        path.write_bytes(b"#" * 1_048_577)
        with pytest.raises(ConfigurationError) as caught:
            FileKeys(path)
        assert str(caught.value) == (
            f"{named(path)} has more than 1,048,576 bytes; take out what is no key"
        )
        path.write_bytes(WEB.encode() + b"#" * (1_048_576 - len(WEB)))
        assert FileKeys(path).find(KEY_ID) == KEY

    def test_endpoint(self, tmp_path: Path) -> None:
        """The endpoint answers 503 while it has no keys, and goes on with new ones."""
        path = file_of(tmp_path, WEB)
        keys = Patient(path)
        with served(create_app(MemorySender(), credentials=keys)) as server:
            client = boto3_client(server, KEY)
            put(client)
            path.unlink()
            put(client)
            Patient.seconds += 61
            with pytest.raises(client.exceptions.ClientError) as caught:
                put(client)
            file_of(tmp_path, WEB)
            put(client)
        response = caught.value.response
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 503
        assert response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"


def put(client: Any) -> None:
    """Put one event."""
    client.put_events(ApplicationId="app", EventsRequest=ONE)
