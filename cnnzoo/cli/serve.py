"""`cnnzoo serve`."""

from __future__ import annotations

from collections.abc import Callable

import click

from cnnzoo.cli.completion import complete_run_or_model
from cnnzoo.cli.options import device_option, note, runs_dir_option, trust_option


@click.command()
@click.argument("words", nargs=-1, metavar="[RUN|MODEL]...", shell_complete=complete_run_or_model)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Address to listen on; 0.0.0.0 is every network of this machine.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    metavar="N",
    help="Port to listen on; 0 chooses a free one.",
)
@click.option(
    "--token",
    envvar="CNNZOO_TOKEN",
    show_envvar=True,
    metavar="TEXT",
    help="Serve only requests with the header Authorization: Bearer TEXT.",
)
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="Another name of this server, for example behind a proxy; may be repeated.",
)
@click.option(
    "--allow-origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="Web pages that may send requests: https://example.org; may be repeated.",
)
@click.option(
    "--reload", is_flag=True, help="Load a model again when its file changes, without a pause."
)
@runs_dir_option
@device_option
@trust_option
def serve(
    words: tuple[str, ...],
    host: str,
    port: int,
    token: str | None,
    hosts: tuple[str, ...],
    origins: tuple[str, ...],
    reload: bool,
    runs_dir: str,
    device: str,
    trust: Callable[[str], None] | None,
) -> None:
    """Serve models over HTTP, with a page to try them.

    RUN is a run directory, the name of a run, or a trained network of the zoo; by default the
    latest run. MODEL is a model file.
    Several are served together. Ctrl-C and SIGTERM finish the requests in progress.

    \b
    Examples:
      cnnzoo serve
      cnnzoo serve lenet_mnist
      cnnzoo serve lenet runs/emotion/1 --port 8080
      curl --data-binary @digit.png -H 'Content-Type: image/png' localhost:8000/predict?top=3
    """
    from functools import partial

    from cnnzoo.extras import require
    from cnnzoo.runs.choose import choose_model

    for package in ("starlette", "uvicorn", "prometheus_client", "python_multipart", "matplotlib"):
        require(package, "serve")

    from cnnzoo.evaluation.classifier import run_or_file
    from cnnzoo.runs.run import Run
    from cnnzoo.serving.access import Access, is_loopback
    from cnnzoo.serving.served import load, unique_names
    from cnnzoo.serving.server import bind, run
    from cnnzoo.serving.service import Service

    chosen = [choose_model(word, runs_dir, note) for word in words or (None,)]
    if not words:
        note(f"serving the latest run, {chosen[0]}")
    sources = [each if isinstance(each, Run) else run_or_file(each) for each in chosen]
    names = unique_names(sources)
    bound = bind(host, port)
    open_model = partial(load, device=device, trust=trust)
    models = {}
    for name, source in zip(names, sources, strict=True):
        models[name] = open_model(source)
        for text in models[name].notes:
            note(text)
    if not is_loopback(host) and token is None:
        note(f"everyone who can reach {host} can use this server; --token restricts it")
    url = f"http://{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}"
    access = Access(host, [name.lower() for name in hosts], origins, token)
    run(
        Service(models),
        access,
        bound,
        lambda: click.echo(f"serving {', '.join(names)} on {url}; Ctrl-C stops it"),
        open_model if reload else None,
    )
