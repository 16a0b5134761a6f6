"""Which rows a role sees and where it may be held: roles as code (GB/T 22239-2019 8.1.4.2, least privilege).

The three administrators (三员) hold no business right; an administrator never sees a project.
"""

from organisations.enums import Kind, Role

# See every department's rows: the bureau's own desks.
COUNTY_WIDE = frozenset({Role.PERFORMANCE_SECTION, Role.BUDGET_DIVISION, Role.LEADER})
# See the rows whose 归口科室 is theirs.
BY_DIVISION = frozenset({Role.DIVISION_OFFICER})
# See their department's rows, subordinate units included.
BY_DEPARTMENT = frozenset({Role.DEPARTMENT_REVIEWER})
# See their own unit's rows.
BY_UNIT = frozenset({Role.UNIT_FILLER, Role.UNIT_REVIEWER})
# See only what is assigned to them.
BY_ASSIGNMENT = frozenset({Role.EXPERT, Role.AGENCY})
ADMINISTRATORS = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN})

BUREAU_STAFF = COUNTY_WIDE | BY_DIVISION
DEPARTMENT_STAFF = BY_DEPARTMENT | BY_UNIT

# Where a membership with this role may point.
HELD_AT: dict[str, frozenset[str]] = {
    Role.UNIT_FILLER: frozenset({Kind.UNIT, Kind.DEPARTMENT}),
    Role.UNIT_REVIEWER: frozenset({Kind.UNIT, Kind.DEPARTMENT}),
    Role.DEPARTMENT_REVIEWER: frozenset({Kind.DEPARTMENT}),
    Role.DIVISION_OFFICER: frozenset({Kind.DIVISION}),
    Role.PERFORMANCE_SECTION: frozenset({Kind.DIVISION}),
    Role.BUDGET_DIVISION: frozenset({Kind.DIVISION}),
    Role.LEADER: frozenset({Kind.BUREAU}),
    Role.EXPERT: frozenset({Kind.BUREAU}),
    Role.AGENCY: frozenset({Kind.AGENCY}),
    Role.SYSTEM_ADMIN: frozenset({Kind.BUREAU}),
    Role.SECURITY_ADMIN: frozenset({Kind.BUREAU}),
    Role.AUDIT_ADMIN: frozenset({Kind.BUREAU}),
}

# What the performance section reads in the admin; every change goes through a page or an import.
READ_IN_ADMIN: dict[str, tuple[str, ...]] = {
    "budgets": (
        "project",
        "projectyear",
        "projectfigures",
        "ledgerentry",
        "yeartotals",
        "source",
        "yearbasis",
        "importbatch",
        "heldentry",
        "vanishedentry",
        "commitment",
        "performancerecord",
        "finding",
    ),
    "notices": ("notice", "noticebatch", "numbersequence", "recipient"),
    "monitoring": (
        "recoveryrule",
        "recoveryrun",
        "recoveryline",
        "recoverylineflow",
        "opinion",
        "opinionevidence",
        "recoverydecision",
        "decisionscan",
        "matchdismissal",
    ),
}

# Model permissions, "app.action_model", for the Django admin and for core's view_any_job.
PERMISSIONS: dict[str, frozenset[str]] = {
    Role.PERFORMANCE_SECTION: frozenset({"core.view_any_job"})
    | frozenset(f"{app}.view_{model}" for app, models in READ_IN_ADMIN.items() for model in models),
    Role.SYSTEM_ADMIN: frozenset({"core.view_any_job", "core.view_job", "core.view_jobfile", "core.view_storedfile"}),
    Role.SECURITY_ADMIN: frozenset(
        f"organisations.{action}_{model}"
        for action in ("view", "add", "change")
        for model in ("user", "membership", "organisation")
    )
    | {"organisations.view_organisationname"},
    Role.AUDIT_ADMIN: frozenset({"core.view_securityevent"}),
}
