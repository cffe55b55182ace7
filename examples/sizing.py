"""What a search takes: hours, CPUs and memory, reckoned from the seconds of one training step.

python examples/sizing.py [SECONDS_OF_A_STEP]
"""

import sys
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Search:
    """A search and its machines; all but the first two are assumptions to be replaced."""

    trials: int
    series: int
    length: int = 200  # rows of a series
    columns: int = 0  # exogenous ones
    steps: int = 1000  # max_steps of a trial
    step_seconds: float = 0.02  # one step of 256 windows, one thread: measure it
    kept: float = 0.5  # share of their training that trials do, the others being stopped
    machines: int = 1
    cpus: int = 8  # of each machine, one trial each
    efficiency: float = 0.9  # of all CPUs together, beside one alone
    process_gb: float = 0.6  # of a worker: libraries, model, a batch

    @property
    def validations(self) -> int:
        """40 to 100, as many as take no more than 15% of the training."""
        return max(40, min(100, int(0.15 * self.steps * 768 / self.series)))

    @property
    def trial_hours(self) -> float:
        """A validation of 768 series costs as much as a step."""
        steps = self.steps + self.validations * self.series / 768
        return steps * self.step_seconds / 3600

    @property
    def cpu_hours(self) -> float:
        return self.trials * self.trial_hours * self.kept

    @property
    def hours(self) -> float:
        return self.cpu_hours / (self.machines * self.cpus * self.efficiency)

    @property
    def machine_gb(self) -> float:
        """The frame, 1.5 times as much to check it, its tensor of float32, the workers."""
        values = self.series * self.length
        frame = values * (4 + 8 + 8 * (1 + self.columns))  # categorical ids, times, values
        tensor = values * 4 * (2 + self.columns)  # target, columns, which rows exist
        return (2.5 * frame + tensor) / 1e9 + self.cpus * self.process_gb

    @property
    def reports_per_second(self) -> float:
        """What the study's storage has to write."""
        reports = self.trials * self.kept * self.validations
        return reports / (self.hours * 3600)


step = float(sys.argv[1]) if len(sys.argv) > 1 else Search.step_seconds
laptop = Search(trials=10_000, series=1_000_000, step_seconds=step)
rows = {
    "all series, a laptop": laptop,
    "all series, 8 x 32 CPUs": replace(laptop, machines=8, cpus=32),
}
for name, search in list(rows.items()):
    rows[name.replace("all", "10,000")] = replace(search, series=10_000)

print(f"{'':26}{'CPU hours':>12}{'hours':>10}{'GB a machine':>14}{'reports/s':>11}")
for name, search in rows.items():
    print(
        f"{name:26}{search.cpu_hours:>12,.0f}{search.hours:>10,.1f}"
        f"{search.machine_gb:>14,.1f}{search.reports_per_second:>11,.1f}"
    )
