"""机构与用户: the bureau, its divisions, departments, units and agencies; users, memberships and roles."""
