"""Dashboards: kept as they are given; their body must be JSON with widgets."""

import json
from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError


class Dashboards:
    """Keeps the dashboards of an account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._dashboards: dict[str, dict[str, Any]] = {}
        account.persist_members("dashboards", self, "_dashboards")

    def put(self, params: dict[str, Any]) -> dict[str, Any]:
        """Keep a dashboard; a body that is no JSON with widgets is refused."""
        try:
            body = json.loads(params["DashboardBody"])
        except ValueError:
            body = None
        if not isinstance(body, dict) or not isinstance(body.get("widgets"), list):
            raise ServiceError(
                "InvalidParameterInput",
                "The dashboard body is invalid: it must be a JSON object with a list of widgets",
            )
        name = params["DashboardName"]
        self._dashboards[name] = {
            "DashboardName": name,
            "DashboardArn": f"arn:aws:cloudwatch::{self._account.account_id}:dashboard/{name}",
            "DashboardBody": params["DashboardBody"],
            "LastModified": self._account.clock.now(),
            "Size": len(params["DashboardBody"]),
        }
        return {"DashboardValidationMessages": []}

    def get(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return a dashboard as it was put."""
        dashboard = self._dashboards.get(params["DashboardName"])
        if dashboard is None:
            raise ServiceError("ResourceNotFound", f"Dashboard {params['DashboardName']} does not exist")
        return {key: dashboard[key] for key in ("DashboardName", "DashboardArn", "DashboardBody")}

    def summaries(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return the names and sizes of the dashboards."""
        prefix = params.get("DashboardNamePrefix", "")
        return {
            "DashboardEntries": [
                {key: value for key, value in dashboard.items() if key != "DashboardBody"}
                for name, dashboard in sorted(self._dashboards.items())
                if name.startswith(prefix)
            ]
        }

    def delete(self, params: dict[str, Any]) -> dict[str, Any]:
        """DeleteDashboards: all of those named, or none when one is unknown."""
        if not params["DashboardNames"]:
            raise ServiceError("InvalidParameterValue", "Need to specify at least 1 dashboard.")
        unknown = sorted(set(params["DashboardNames"]) - set(self._dashboards))
        if unknown:
            raise ServiceError("ResourceNotFound", f"The dashboards {unknown} do not exist")
        for name in params["DashboardNames"]:
            self._dashboards.pop(name, None)
        return {}
