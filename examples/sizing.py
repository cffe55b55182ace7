"""Estimate the hours, CPUs and memory of a search from the duration of its parts.

python examples/sizing.py [SECONDS_OF_A_STEP [SECONDS_TO_VALIDATE_1000_SERIES]]
"""

import sys
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Search:
    """A search and its machines; all values but the first two are assumptions to replace."""

    trials: int
    series: int
    length: int = 200  # rows per series
    columns: int = 0  # exogenous columns
    steps: int = 1000  # max_steps per trial
    step_seconds: float = 0.02  # one step of 256 windows on one thread: measure it
    validation_seconds: float = 0.026  # one validation of 1,000 series: measure it too
    start_seconds: float = 0.0  # until the first trial trains: on Ray, workers start
    kept: float = 0.5  # mean share of the training that trials run, given pruning
    machines: int = 1
    cpus: int = 8  # per machine, one trial each
    efficiency: float = 0.9  # of all CPUs in parallel, relative to one alone
    process_gb: float = 0.6  # a worker or the calling process: libraries, model, a batch
    ray_gb: float = 0.0  # Ray's own processes

    @property
    def validations(self) -> int:
        """Between 40 and 100, as many as take no more than 15% of the training."""
        return max(40, min(100, int(0.15 * self.steps * 768 / self.series)))

    @property
    def trial_hours(self) -> float:
        """Hours per trial."""
        validating = self.validations * self.series / 1000 * self.validation_seconds
        return (self.steps * self.step_seconds + validating) / 3600

    @property
    def cpu_hours(self) -> float:
        return self.trials * self.trial_hours * self.kept

    @property
    def hours(self) -> float:
        training = self.cpu_hours / (self.machines * self.cpus * self.efficiency)
        return training + self.start_seconds / 3600

    @property
    def machine_gb(self) -> float:
        """Memory: the frame, 1.5 times that to validate it, its float32 tensor, the processes."""
        values = self.series * self.length
        frame = values * (4 + 8 + 8 * (1 + self.columns))  # categorical ids, times, values
        tensor = values * 4 * (2 + self.columns)  # target, columns, mask of existing rows
        processes = (self.cpus + 1) * self.process_gb + self.ray_gb
        return (2.5 * frame + tensor) / 1e9 + processes

    @property
    def reports_per_second(self) -> float:
        """Reports per second that the study's storage has to write."""
        reports = self.trials * self.kept * self.validations
        return reports / (self.hours * 3600)


names = ("step_seconds", "validation_seconds")
measured = dict(zip(names, map(float, sys.argv[1:]), strict=False))
laptop = Search(trials=10_000, series=1_000_000, **measured)
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
