"""`im zeebe`: incidents of Zeebe and Camunda 8 clusters, from exporters, from files, and simulated."""

from typing import Annotated

import typer

from cli import zeebe_cluster, zeebe_simulate
from cli.run import Format, FormatOption, examples, make_app

app = make_app("Take in incidents of Zeebe and Camunda 8 clusters.")
app.add_typer(zeebe_cluster.app, name="cluster")


@app.command(
    "import",
    epilog=examples(
        "im zeebe import records.ndjson.gz --cluster prod",
        "curl -fsS 'localhost:9200/zeebe-record_incident*/_search?size=10000' | im zeebe import - --cluster prod",
    ),
)
def import_(
    file: Annotated[
        str,
        typer.Argument(help="A record a line, an array, or an Elasticsearch export; may be gzip. - is standard input."),
    ],
    *,
    cluster: Annotated[str, typer.Option("--cluster", help="The cluster that they are of.", show_default=False)],
    output: FormatOption = Format.TABLE,
) -> None:
    """Take in records from a file, as if an exporter had posted them. What came before already changes nothing.

    Bad records are named and the others taken; exit status 1 says that there were some, or that the file is empty.
    """
    from cli.zeebe_import import import_file  # noqa: PLC0415 - heavy

    raise typer.Exit(import_file(file, cluster, output))


app.command(
    "simulate",
    epilog=examples(
        "im zeebe simulate --incidents 2% --resolve-after 10s --duration 60s",
        "im zeebe simulate --canary canary --canary-every 10s --token - < token.txt",
        "im zeebe simulate --burst 5000 --rate max --batch 100 --records 20000",
    ),
)(zeebe_simulate.simulate)
