"""Models on the Hugging Face Hub, named `hf://USER/REPO`, with the package huggingface_hub.

Keras' own `hf://` loads without the checks of `cnnzoo.models.saved`, so only `model.keras` is
downloaded here, and loaded as any untrusted file. HF_ENDPOINT names another server, and HF_TOKEN
or `hf auth login` gives the token.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cnnzoo.errors import RunError, UserError
from cnnzoo.extras import require
from cnnzoo.runs.run import MODEL

PREFIX = "hf://"
_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def is_hub_name(word: str) -> bool:
    """Return whether a word names a model on the Hub."""
    return word.startswith(PREFIX)


def downloaded_model(word: str) -> Path:
    """Return the `model.keras` of `hf://USER/REPO`, which is downloaded unless it is up to date.

    Raises UserError for a wrong name, or if the repository does not exist or has no such file;
    RunError if it cannot be downloaded.
    """
    repo = repository(word)
    with _explained(word):
        return Path(_hub().hf_hub_download(repo, MODEL))


def upload(word: str, folder: Path, *, private: bool = False) -> str:
    """Upload the files of a folder to `hf://USER/REPO`, which is created; return its address.

    Raises what `downloaded_model` raises, and UserError without a token.
    """
    repo, hub = repository(word), _hub()
    if hub.get_token() is None:
        raise UserError(
            f"publishing to {word} needs a token of the Hub",
            hint="create one in the settings of your account, then set HF_TOKEN or run: "
            "hf auth login",
        )
    with _explained(word):
        api = hub.HfApi()
        address = api.create_repo(repo, exist_ok=True, private=private)
        api.upload_folder(repo_id=repo, folder_path=folder, commit_message="Publish with cnnzoo")
    return str(address)


def repository(word: str) -> str:
    """Return USER/REPO of `hf://USER/REPO`; raise UserError for another word."""
    name = word.removeprefix(PREFIX)
    if not is_hub_name(word) or not _REPO.fullmatch(name):
        raise UserError(f"{word!r} is not {PREFIX}USER/REPO", hint="for example hf://me/digits")
    return name


def is_downloaded(path: Path) -> bool:
    """Return whether a file is in the directory of downloads."""
    constants: Any = sys.modules.get("huggingface_hub.constants")
    return constants is not None and path.is_relative_to(constants.HF_HUB_CACHE)


def _hub() -> Any:
    return require("huggingface_hub", "hub")


@contextmanager
def _explained(word: str) -> Iterator[None]:
    """Turn the errors of huggingface_hub into one line."""
    errors = require("huggingface_hub.errors", "hub")
    try:
        yield
    except errors.LocalEntryNotFoundError:
        raise RunError(
            f"{word} cannot be downloaded: the Hub does not answer",
            hint="is this machine offline? copy its model.keras and name the file",
        ) from None
    except (errors.RepositoryNotFoundError, errors.EntryNotFoundError) as error:
        missing = "no such repository" if _is_repository(errors, error) else f"it has no {MODEL}"
        raise UserError(
            f"{word} cannot be used: {missing}", hint="a private repository needs HF_TOKEN"
        ) from None
    except errors.HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else "an error"
        raise RunError(f"{word}: the Hub answers {status}") from None
    except (OSError, ConnectionError, ValueError) as error:
        raise RunError(f"{word}: the Hub cannot be reached: {type(error).__name__}") from None
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("httpx", "httpcore", "requests"):
            raise
        raise RunError(f"{word}: the Hub cannot be reached: {type(error).__name__}") from None


def _is_repository(errors: Any, error: Exception) -> bool:
    return isinstance(error, errors.RepositoryNotFoundError)
