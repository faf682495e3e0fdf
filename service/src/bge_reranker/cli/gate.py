"""`bge-reranker gate`."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..configuration import by_name, load_settings
from ..errors import ReferenceUnavailable, SettingsError
from ..settings import Settings
from .output import refuse_unwritable, written
from .setting_options import field_options, given_flags, setting_options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..evaluation.cases import RankingCase

    Ranked = tuple[list[NDArray[np.float64]], str]
    """Logits of the golden set, and the digest of the model that gave them."""

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

_INFO_S = 10.0
_MAX_INFO_BYTES = 256 * 1024


@click.command()
@click.argument("judgements", type=_FILE, metavar="GOLDEN_SET")
@click.option(
    "--against",
    metavar="MODEL|URL",
    help="Version that serves: what --model takes, or the http:// address of a server's API.",
)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write a JSON file.")
@field_options("min_ndcg_at_10", "max_ndcg_loss", "min_kendall_tau", "cut_offs", "gate_timeout_s")
@field_options("internal_token_file")
@setting_options("model", "text")
@click.pass_context
def gate(
    context: click.Context,
    /,
    judgements: Path,
    against: str | None,
    json_file: Path | None,
    **_settings: object,
) -> None:
    """Judge a model by a golden set, as a server does before it is ready.

    GOLDEN_SET holds judged queries as `evaluate` reads them. Thresholds that compare with the version that serves need
    --against. The exit code is 0 where the model passes, and that of GateFailed where it does not.
    """
    # The argument stands for the golden set of the settings.
    environment = {name: value for name, value in os.environ.items() if name != "BGE_RERANKER_GOLDEN_SET"}
    effective = load_settings(None, environment, {**given_flags(context), "golden_set_file": str(judgements)})
    if json_file is not None:
        refuse_unwritable(json_file, "--json")
    from rich.console import Console  # noqa: PLC0415 - a wrong option answers at once

    try:
        from ..evaluation.gate import judge  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError as error:
        raise SettingsError(f"`gate` needs the package {error.name}.", remedy="Install bge-reranker[gate].") from None
    from hashlib import sha256  # noqa: PLC0415

    from ..evaluation.gate_report import print_gate, save_gate  # noqa: PLC0415
    from ..evaluation.golden_set import cases_of, thresholds_of  # noqa: PLC0415
    from ..evaluation.thresholds import gate_hash  # noqa: PLC0415

    content, thresholds = judgements.read_bytes(), thresholds_of(effective.gate)
    if against is None and thresholds.needs_reference:
        raise SettingsError(
            "maxNdcgLoss, minKendallTau and cutOffs compare with a version that serves.",
            remedy="Name it by --against, or leave them out.",
        )
    cases = cases_of(content, str(judgements))
    reference, digest = (None, None) if against is None else _reference(cases, against, effective)
    logits, _ = _ranked(cases, by_name(effective, "model", "text"))
    judgement = judge(cases, logits, reference, thresholds)
    verdict = judgement.verdict(gate_hash(sha256(content).hexdigest(), thresholds), digest)
    print_gate(judgement, thresholds, Console())
    if json_file is not None:
        with written(json_file, "--json"):
            save_gate(verdict, judgement, json_file)
    verdict.require_passed()


def _reference(cases: Sequence[RankingCase], against: str, settings: Settings) -> Ranked:
    if against.startswith(("http://", "https://")):
        return _ranked_by_server(cases, against.rstrip("/"), settings)
    # Version and digest that were named are those of the model which is judged.
    other = by_name(settings, "model", "text") | {"model": against, "revision": None, "expect_digest": None}
    return _ranked(cases, other)


def _ranked(cases: Sequence[RankingCase], settings: dict[str, object]) -> Ranked:
    import numpy as np  # noqa: PLC0415 - a wrong option answers at once

    from ..reranker import Reranker  # noqa: PLC0415

    with Reranker(**settings) as reranker:  # type: ignore[arg-type] # settings have types of their own, checked there
        rows = [np.array(reranker.logits(case.query, case.documents), dtype=np.float64) for case in cases]
        return rows, reranker.digest


def _ranked_by_server(cases: Sequence[RankingCase], url: str, settings: Settings) -> Ranked:
    from ..guard.api_keys import load_internal_token  # noqa: PLC0415 - a wrong option answers at once
    from ..peers.asking import PeerSilent, ask, peer_client  # noqa: PLC0415
    from ..peers.info import read_info  # noqa: PLC0415
    from ..peers.reference import PeerRefused, reference_logits  # noqa: PLC0415

    questions = [(case.query, case.documents) for case in cases]
    try:
        with peer_client() as client:
            answer = ask(client, "GET", f"{url}/info", limit_s=_INFO_S, max_bytes=_MAX_INFO_BYTES)
            info = read_info(answer.body)
            if info is None or not info.ready:
                raise ReferenceUnavailable(
                    f"--against {url} is no server of this kind that is ready.",
                    remedy="Give the address of its API, such as http://127.0.0.1:8000.",
                )
            found = reference_logits(
                client,
                url,
                questions,
                token=load_internal_token(settings.guard),
                digest=info.model.digest,
                deadline=time.monotonic() + settings.gate.timeout_s,
                clock=time.monotonic,
            )
    except (PeerSilent, PeerRefused) as error:
        raise ReferenceUnavailable(
            f"--against {url} did not rank the golden set: {error}.",
            remedy="Where it wants a key, put one into a file and name that by --internal-token-file.",
        ) from None
    return found, info.model.digest
