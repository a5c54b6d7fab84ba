"""The four roles: groups that a migration makes. What each may do is told in `docs/access.md`.

A role says what a person may do, the membership where. Change the groups in the admin as you like; the names stay.
"""

MANAGER = "manager"
STAFF = "staff"
INTEGRATOR = "integrator"
SERVICE_PARTNER = "service partner"
ROLES = (MANAGER, STAFF, INTEGRATOR, SERVICE_PARTNER)
