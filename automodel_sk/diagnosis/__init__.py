"""Diagnose a finished search and suggest what to try next."""

from automodel_sk.diagnosis.findings import Diagnosis, Finding
from automodel_sk.diagnosis.rules import RULES, diagnose
from automodel_sk.diagnosis.search_record import SearchRun

__all__ = ["RULES", "Diagnosis", "Finding", "SearchRun", "diagnose"]
