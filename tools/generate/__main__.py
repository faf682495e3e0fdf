"""`python -m generate [--check]`: write every generated part, or say which one is stale."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
import yaml

from bge_reranker.cli.settings import markdown_table
from reranker_operator.crd import crd
from reranker_operator.spec_limits import policy_rules

from .chart.defaults import settings_defaults
from .chart.presence import required_values
from .chart.readme_table import values_table
from .chart.rules import rules
from .chart.usage import differences
from .chart.values_schema import values_schema
from .clients import clients_page
from .dialects import dialects_page
from .marked_section import replace_section
from .metrics import metrics_page
from .monitoring.dashboard import dashboard
from .monitoring.rules import rules_file
from .scorer_codes import scorer_codes
from .speed import readme_with_speed
from .troubleshooting import troubleshooting_page
from .version import DECLARING, NAMING, declaring, naming, version_of

ROOT = Path(__file__).resolve().parents[2]
"""Top of the repository."""

CHART = ROOT / "charts" / "bge-reranker"
"""The Helm chart."""


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; fail if anything is stale.")
def generate(*, check: bool) -> None:
    """Write the generated parts of the tree."""
    stale = []
    for path, text in _generated().items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(str(path.relative_to(ROOT)))
        if not check:
            path.write_text(text, encoding="utf-8")
    if check and stale:
        click.echo(f"Stale: {', '.join(stale)}. Run `make generate` and commit what it writes.", err=True)
        sys.exit(1)
    wrong = differences((CHART / "values.yaml").read_text(encoding="utf-8"), CHART / "templates")
    if wrong:
        click.echo("\n".join(wrong), err=True)
        sys.exit(1)
    click.echo(f"Generated parts: {'up to date' if not stale else 'wrote ' + ', '.join(stale)}.")


def _generated() -> dict[Path, str]:
    """Every generated file with the text that it should have."""
    settings, clients = ROOT / "docs" / "settings.md", ROOT / "docs" / "clients.md"
    chart_readme = CHART / "README.md"
    values = (CHART / "values.yaml").read_text(encoding="utf-8")
    schema = values_schema(values)
    table = rules()
    defaults = {**yaml.safe_load(values), "config": json.loads(settings_defaults())}
    definition = crd(json.loads(schema), defaults, json.loads(table))
    troubleshooting = ROOT / "docs" / "troubleshooting.md"
    dialects, metrics = ROOT / "docs" / "dialects.md", ROOT / "docs" / "metrics.md"
    written = {
        CHART / "values.schema.json": schema,
        CHART / "crds" / "rerankers.yaml": definition,
        CHART / "files" / "required-values.json": required_values(values),
        CHART / "files" / "reranker-limits.json": json.dumps(policy_rules(), indent=2) + "\n",
        CHART / "files" / "rules.json": table,
        CHART / "files" / "settings-defaults.json": settings_defaults(),
        ROOT / "operator" / "src" / "reranker_operator" / "scorer_codes.json": scorer_codes(),
        CHART / "files" / "dashboard.json": dashboard(),
        CHART / "files" / "prometheus-rules.json": rules_file(),
        chart_readme: replace_section(chart_readme.read_text(encoding="utf-8"), "values", values_table(values)),
        settings: replace_section(settings.read_text(encoding="utf-8"), "settings", markdown_table()),
        clients: clients_page(clients),
        dialects: dialects_page(dialects),
        metrics: metrics_page(metrics),
        troubleshooting: troubleshooting_page(troubleshooting),
        ROOT / "README.md": readme_with_speed(ROOT / "README.md", ROOT / "docs" / "measurements" / "peers.json"),
    }
    return {**written, **_versioned(written)}


def _versioned(written: dict[Path, str]) -> dict[Path, str]:
    """What bears the version, in addition to what else is generated in it."""
    version, rule_of = version_of(), {**dict.fromkeys(DECLARING, declaring), **dict.fromkeys(NAMING, naming)}
    paths = {ROOT / name: rule for name, rule in rule_of.items()}
    return {path: rule(written.get(path) or path.read_text(encoding="utf-8"), version) for path, rule in paths.items()}


if __name__ == "__main__":
    generate()
