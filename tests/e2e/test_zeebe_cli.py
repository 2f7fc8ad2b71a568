"""`im zeebe` over the whole platform: clusters, the simulator, imports, and the walk through the example."""

import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.test_readme import Laptop
from tests.support.eventually import eventually, within
from tests.support.platform import Platform, unique_name
from tests.support.zeebe_records import incident, ndjson

EXAMPLES = Path(__file__).parents[2] / "examples" / "zeebe"
BLOCKS = re.findall(r"```bash\n(.*?)```", (EXAMPLES / "README.md").read_text(), re.DOTALL)


async def added(platform: Platform, *options: str) -> tuple[str, str]:
    """A new cluster: its name and its token."""
    name = unique_name("cluster")
    ran = await platform.im("zeebe", "cluster", "add", name, "--generate-token", *options, "--format", "json")
    assert ran.code == 0, ran.err
    return name, ran.json["token"]


async def counts(platform: Platform, name: str) -> tuple[int, int, int, int]:
    """What came of a cluster's records: raised, resolved, repeated, and incidents of ours that are open."""
    activity = await platform.gateway.zeebe.activity(name)
    return activity.raised, activity.resolved, activity.repeated, len(activity.incidents)


async def test_a_cluster_is_added_changed_shown_and_removed(platform: Platform) -> None:
    name, token = await added(platform, "--severity-rule", "JOB_NO_RETRIES@pay*=SEV-1")
    changed = await platform.im("zeebe", "cluster", "update", name, "--group-by", "element", "--severity", "sev-2")
    assert changed.err == f"updated {name}: token set, one incident for each element, SEV-2\n"
    listed = await platform.im("zeebe", "cluster", "list")
    assert re.search(rf"^{name} +set +no +element +SEV-2 +JOB_NO_RETRIES@pay\*=SEV-1$", listed.out, re.MULTILINE)
    seen = await platform.im("zeebe", "cluster", "show", name)
    assert re.search(r"^open: +0 \(in 0 incidents of im\)$", seen.out, re.MULTILINE)
    assert token not in seen.out + listed.out
    assert (await platform.im("zeebe", "cluster", "remove", name)).err == f"removed {name}\n"


async def test_what_the_simulator_raises_and_repeats_is_raised_and_resolved_once(platform: Platform) -> None:
    name, token = await added(platform, "--group-by", "element")
    line = "--token - --rate max --batch 20 --records 2000 --incidents 5% --resolve-after 1s --repeats 20% "
    line += f"--restart-every 1s --partitions 5 --url {platform.api.base_url} --format json"
    ran = await platform.im("zeebe", "simulate", *line.split(), stdin=f"{token}\n")
    assert ran.code == 0, ran.err
    assert ran.json["incidents_raised"] == ran.json["incidents_resolved"] == 100
    assert ran.json["sent_again"] > 100
    assert ran.json["answered"]["bad"] == ran.json["unsent"] == 0
    assert token not in ran.out + ran.err

    async def all_over() -> bool:
        raised, resolved, _, left = await counts(platform, name)
        return (raised, resolved, left) == (100, 100, 0)

    await eventually(all_over, 20, interval=0.2)


async def test_a_file_without_records_does_not_hide_that_its_cluster_is_unknown(
    platform: Platform, tmp_path: Path
) -> None:
    (tmp_path / "records.ndjson").touch()
    unknown = await platform.im("zeebe", "import", str(tmp_path / "records.ndjson"), "--cluster", "elsewhere")
    assert unknown.code == 1
    assert "no Zeebe cluster is named 'elsewhere'" in unknown.err


async def test_a_file_is_imported_and_again_changes_nothing(platform: Platform, tmp_path: Path) -> None:
    name = unique_name("cluster")
    await platform.gateway.zeebe.add_cluster(name, no_token=True)
    records = [incident(key=number, position=number) for number in range(1, 4)]
    (tmp_path / "records.ndjson").write_bytes(ndjson(*records) + b"\nbroken\n" + ndjson(incident(key=1.5)))
    for _ in range(2):
        ran = await platform.im(
            "zeebe", "import", str(tmp_path / "records.ndjson"), "--cluster", name, "--format", "json"
        )
        assert ran.code == 1
        assert (ran.json["raised"], [bad["place"] for bad in ran.json["bad_records"]]) == (3, ["line 4", "line 5"])

    async def known() -> bool:
        return await counts(platform, name) == (3, 0, 3, 3)

    await eventually(known, 20, interval=0.2)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def laptop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Laptop]:
    found = Laptop(tmp_path_factory.mktemp("zeebe"))
    process = await found.start()
    await eventually(found.ready, 30)
    yield found
    process.send_signal(signal.SIGINT)
    assert await within(30, process.wait()) == 0


def unhurried(block: str, port: int) -> str:
    """The commands for the API at a port; a loaded machine may take 12 s to ask whether the canary is heard."""
    here = {
        "zeebe simulate": f"zeebe simulate --url http://localhost:{port}",
        "--every 10s": "--every 30s",
        "sleep 13": "sleep 33",
    }
    for told, tried in here.items():
        block = block.replace(told, tried)
    return block


async def test_the_walk_through_the_example_ends_where_it_says(laptop: Laptop) -> None:
    said = []
    for block in BLOCKS:
        code, text = await laptop.bash(f"cd {EXAMPLES}\n{unhurried(block, laptop.ports['api'])}")
        assert code == 0, text
        said.append(text)
    _, running, silent, back, burst, imported = said
    assert re.search(r"^status: +up", running, re.MULTILINE)
    assert re.search(r"^open: +0 \(in 0", running, re.MULTILINE)
    assert re.search(r"^canary beats: +[1-9]", running, re.MULTILINE)
    assert re.search(r"^INC-\d+ +SEV-1 +declared .*zeebe-canary", silent, re.MULTILINE)
    assert re.search(r"^INC-\d+ +SEV-1 +resolved .*zeebe-canary", back, re.MULTILINE)
    assert re.search(r"^raised: +3[01]\d$", burst, re.MULTILINE)
    assert imported.count("bad:       0") == 2
