"""What the sentences of errors can carry, and the settings that used to break them."""

from pathlib import Path

import pytest

from connectors import ConfigurationError, ConnectorError, parse_config

from .machines import always, failure_of, serve


def test_a_sentence_holds_nothing_that_a_database_refuses() -> None:
    assert str(ConnectorError("Found: a\0b, \ud800\n. Correct it.")) == "Found: a b,  . Correct it."


def test_a_sentence_has_an_end() -> None:
    assert len(str(ConnectorError("long " * 1000))) == 1000


async def test_a_path_with_a_nul_in_it_is_a_sentence_like_any_other() -> None:
    async with serve(always(404)) as machine:
        error = await failure_of(machine.connector(data_endpoint="/nowhere/%00"))
    assert error.code == "not_found"
    assert "\0" not in str(error)


@pytest.mark.parametrize("endpoint", ["http://xn--/", "http://[", "http://a b"])
def test_a_host_that_is_no_name_is_refused_in_our_own_words(endpoint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_config("rest_api", {"endpoint": endpoint})
    assert caught.value.fields["endpoint"].startswith(("This is not an address.", "The name of the machine"))


async def test_nobody_learns_from_an_error_which_files_there_are(tmp_path: Path) -> None:
    empty, text, endless = tmp_path / "empty", tmp_path / "text", tmp_path / "endless"
    empty.touch()
    text.write_text("root:x:0:0")
    with endless.open("wb") as file:
        file.truncate(1 << 40)
    paths = [tmp_path / "missing", tmp_path, empty, text, endless, Path("/proc/self/status")]
    async with serve() as machine:
        sentences = {str(await failure_of(machine.connector(ca_file=str(path)))) for path in paths}
    assert len(sentences) == 1
