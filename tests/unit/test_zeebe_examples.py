"""What is shipped under `examples/zeebe/` is what it says it is."""

import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from cli.simulated_records import canary_task
from domain.zeebe_parsing import parse_records

FOLDER = Path(__file__).parents[2] / "examples" / "zeebe"
BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
DI = "{http://www.omg.org/spec/BPMN/20100524/DI}"
RECORDS_PATH = "/api/v1/zeebe/records"


@pytest.fixture
def canary() -> ET.Element:
    return ET.parse(FOLDER / "canary.bpmn").getroot()  # noqa: S314 - our own file


def test_every_flow_of_the_canary_joins_elements_that_know_it(canary: ET.Element) -> None:
    known = {element.get("id"): element for element in canary.iter() if element.get("id")}
    assert len(known) == len([element for element in canary.iter() if element.get("id")]), "ids are unique"
    flows = list(canary.iter(f"{BPMN}sequenceFlow"))
    assert len(flows) == 4
    for flow in flows:
        source, target = known[flow.get("sourceRef")], known[flow.get("targetRef")]
        assert flow.get("id") in [one.text for one in source.findall(f"{BPMN}outgoing")]
        assert flow.get("id") in [one.text for one in target.findall(f"{BPMN}incoming")]
    for end in (*canary.iter(f"{BPMN}incoming"), *canary.iter(f"{BPMN}outgoing")):
        assert known[end.text] in flows
    (boundary,) = canary.iter(f"{BPMN}boundaryEvent")
    assert known[boundary.get("attachedToRef")].tag == f"{BPMN}subProcess"


def test_everything_in_the_canary_is_drawn(canary: ET.Element) -> None:
    drawn = [shape.get("bpmnElement") for shape in canary.iter() if shape.tag in {f"{DI}BPMNShape", f"{DI}BPMNEdge"}]
    kinds = {
        f"{BPMN}{kind}" for kind in "startEvent endEvent subProcess exclusiveGateway boundaryEvent sequenceFlow".split()
    }
    assert sorted(filter(None, drawn)) == sorted(one.get("id", "") for one in canary.iter() if one.tag in kinds)


def test_the_canary_raises_what_the_simulator_says_it_raises(canary: ET.Element) -> None:
    (process,) = canary.iter(f"{BPMN}process")
    assert (process.get("id"), process.get("isExecutable")) == ("canary", "true")
    gateway = next(canary.iter(f"{BPMN}exclusiveGateway"))
    assert gateway.get("default") is None
    assert gateway.get("id") == canary_task("canary").element
    assert [one.text for one in canary.iter(f"{BPMN}conditionExpression")] == ["=false"]


def test_the_sample_records_are_all_understood() -> None:
    parsed = parse_records((FOLDER / "sample-records.ndjson").read_bytes())
    assert not parsed.bad
    assert [(one.process_id, one.resolved) for one in parsed.incidents] == [
        ("invoice", False),
        ("order", False),
        ("order", True),
        ("onboarding", False),
        ("canary", False),
        ("canary", True),
    ]
    assert len(parsed.others) == 4
    assert {one.broker_version for one in parsed.incidents} == {None, "8.8.2", "8.2.0"}
    assert any(int(one.key) > 2**53 for one in parsed.incidents)


def test_the_export_repeats_the_samples_and_resolves_one_more() -> None:
    samples = parse_records((FOLDER / "sample-records.ndjson").read_bytes())
    export = parse_records((FOLDER / "elasticsearch-export.ndjson").read_bytes())
    assert not export.bad
    news = [one for one in export.incidents if one not in samples.incidents]
    assert [(one.process_id, one.resolved) for one in news] == [("onboarding", True)]
    assert len(export.incidents) == 4


def test_the_exporters_are_pointed_at_the_route() -> None:
    (old,) = tomllib.loads((FOLDER / "zeebe.cfg.toml").read_text())["exporters"]
    assert old["args"]["url"].endswith(RECORDS_PATH)
    assert f"url: https://im.example.com{RECORDS_PATH}\n" in (FOLDER / "application.yaml").read_text()


def test_every_file_is_in_the_list_of_the_readme() -> None:
    text = (FOLDER / "README.md").read_text()
    assert [file.name for file in FOLDER.iterdir() if f"`{file.name}`" not in text] == ["README.md"]
