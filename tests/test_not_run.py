"""bin/test names in its last lines whatever pytest skipped."""

from pathlib import Path

from tests.not_run import skipped

REPORT = """<testsuites><testsuite name="pytest" tests="5">
<testcase name="test_passes"/>
<testcase name="test_a"><skipped type="pytest.skip" message="no Chromium">where</skipped></testcase>
<testcase name="test_b"><skipped type="pytest.skip" message="no Chromium">where</skipped></testcase>
<testcase name="test_c"><skipped type="pytest.skip" message="no Redis">where</skipped></testcase>
<testcase name="test_d"><skipped type="pytest.xfail" message="known">where</skipped></testcase>
</testsuite></testsuites>"""


def test_skips_are_counted_by_reason_and_an_expected_failure_is_none(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    assert skipped(report) == {"no Chromium": 2, "no Redis": 1}


def test_a_missing_report_is_said(tmp_path: Path) -> None:
    assert skipped(tmp_path / "none.xml") == {"pytest wrote no report": 1}
