from __future__ import annotations

from textseg.lab.bench.small import SHARES, measure_small, small_exams, table


def test_scenes_hold_small_things_and_ask_for_others_too() -> None:
    exams = list(small_exams("calibration", scenes=6, seed=3, side=96))
    shares = [q.truth.mean() for exam in exams for q in exam.questions if q.present]
    assert shares
    assert SHARES[0] <= min(shares) <= max(shares) <= SHARES[1]
    assert any(not q.present for exam in exams for q in exam.questions)
    assert exams[0].rendered.image.shape == (96, 96, 3)


def test_each_look_gets_a_row() -> None:
    report = measure_small(scenes=1, seed=4, stream="calibration", looks=("whole", "zoom"))
    assert report["whole"]["queries"] == report["zoom"]["queries"] > 0
    assert report["zoom"]["evaluations_per_query"] > report["whole"]["evaluations_per_query"]
    assert [line.split(" | ")[0] for line in table(report).splitlines()[2:]] == [
        "| whole",
        "| zoom",
    ]
