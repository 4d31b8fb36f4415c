"""The routes of the console: for each resource of `policies.CONSOLE`, its views.

`mount` in `roles.py` registers them below the resource's address in every role that has the resource.
"""

from __future__ import annotations

from collections.abc import Callable

from flask.typing import ResponseReturnValue

from messaging_app.web.views import (
    admins,
    audit,
    customers,
    factor_resets,
    reasons,
    saved_replies,
    saved_views,
    settings,
    staff,
    store_settings,
    stores,
    system,
    user_accounts,
)

CHANGES = True  # only for actors who may change the resource: its forms, confirmations and exports
# The routes at and below the address of each resource, in every role that has it.
CONSOLE_VIEWS: dict[str, tuple[tuple[str, Callable[..., ResponseReturnValue], str, bool], ...]] = {
    "stores": (
        ("", stores.list_stores, "GET", False),
        (".csv", stores.export_stores, "GET", CHANGES),
        ("/new", stores.new_store, "GET", CHANGES),
        ("", stores.create_store, "POST", CHANGES),
        ("/<id:store_id>", stores.show_store, "GET", False),
        ("/<id:store_id>/edit", stores.edit_store, "GET", CHANGES),
        ("/<id:store_id>", stores.save_store, "POST", CHANGES),
        ("/<id:store_id>/deactivate", stores.ask_deactivate_store, "GET", CHANGES),
        ("/<id:store_id>/deactivate", stores.deactivate_store, "POST", CHANGES),
        ("/<id:store_id>/reactivate", stores.reactivate_store, "POST", CHANGES),
    ),
    "staff": (
        ("", staff.list_staff, "GET", False),
        (".csv", staff.export_staff, "GET", CHANGES),
        ("", staff.invite_staff, "POST", CHANGES),
        ("/invitations/<id:link_id>/resend", staff.resend_to_staff, "POST", CHANGES),
        ("/invitations/<id:link_id>/withdraw", staff.withdraw_from_staff, "POST", CHANGES),
        ("/invitations/<id:link_id>/restore", staff.restore_to_staff, "POST", CHANGES),
        ("/<id:user_id>/role", staff.change_role, "POST", CHANGES),
        ("/<id:user_id>/remove", staff.ask_remove_member, "GET", CHANGES),
        ("/<id:user_id>/remove", staff.remove_member, "POST", CHANGES),
        ("/<id:user_id>/return", staff.bring_back, "POST", CHANGES),
    ),
    "customers": (
        ("", customers.list_customers, "GET", False),
        (".csv", customers.export_customers, "GET", CHANGES),
        ("/<id:customer_id>", customers.show_customer, "GET", False),
        ("/<id:customer_id>/deactivate", customers.ask_deactivate_customer, "GET", CHANGES),
        ("/<id:customer_id>/deactivate", customers.deactivate_customer, "POST", CHANGES),
        ("/<id:customer_id>/reactivate", customers.reactivate_customer, "POST", CHANGES),
    ),
    "admins": (
        ("", admins.list_admins, "GET", False),
        (".csv", admins.export_admins, "GET", CHANGES),
        ("", admins.invite_admins, "POST", CHANGES),
        ("/invitations/<id:link_id>/resend", admins.resend_to_admin, "POST", CHANGES),
        ("/invitations/<id:link_id>/withdraw", admins.withdraw_from_admin, "POST", CHANGES),
        ("/invitations/<id:link_id>/restore", admins.restore_to_admin, "POST", CHANGES),
        ("/<id:user_id>/remove", admins.ask_remove_admin, "GET", CHANGES),
        ("/<id:user_id>/remove", admins.remove_admin, "POST", CHANGES),
        ("/<id:user_id>/return", admins.bring_admin_back, "POST", CHANGES),
        ("/<id:user_id>/reset-factor", factor_resets.ask_reset_factor, "GET", CHANGES),
        ("/<id:user_id>/reset-factor", factor_resets.reset_factor, "POST", CHANGES),
        ("/<id:user_id>/deactivate", user_accounts.ask_deactivate_user, "GET", CHANGES),
        ("/<id:user_id>/deactivate", user_accounts.deactivate_user, "POST", CHANGES),
        ("/<id:user_id>/reactivate", user_accounts.reactivate_user, "POST", CHANGES),
    ),
    "saved_replies": (
        ("", saved_replies.list_saved_replies, "GET", False),
        ("", saved_replies.create_saved_reply, "POST", True),
        ("/new", saved_replies.new_saved_reply, "GET", True),
        ("/import", saved_replies.import_saved_replies, "POST", True),
        ("/<id:reply_id>", saved_replies.edit_saved_reply, "GET", False),
        ("/<id:reply_id>", saved_replies.save_saved_reply, "POST", True),
        ("/<id:reply_id>/delete", saved_replies.ask_delete_saved_reply, "GET", True),
        ("/<id:reply_id>/delete", saved_replies.delete_saved_reply, "POST", True),
    ),
    "saved_views": (
        ("", saved_views.list_views, "GET", False),
        ("", saved_views.create_view, "POST", CHANGES),
        ("/counts", saved_views.count_views, "GET", False),
        ("/new", saved_views.new_view, "GET", CHANGES),
        ("/<id:view_id>", saved_views.edit_view, "GET", CHANGES),
        ("/<id:view_id>", saved_views.save_view, "POST", CHANGES),
        ("/<id:view_id>/delete", saved_views.ask_delete_view, "GET", CHANGES),
        ("/<id:view_id>/delete", saved_views.delete_view, "POST", CHANGES),
    ),
    "reasons": (
        ("", reasons.list_reasons, "GET", False),
        ("", reasons.create_reason, "POST", CHANGES),
        ("/new", reasons.new_reason, "GET", CHANGES),
        ("/<code:code>", reasons.edit_reason, "GET", False),
        ("/<code:code>", reasons.save_reason, "POST", CHANGES),
        ("/<code:code>/up", reasons.raise_reason, "POST", CHANGES),
        ("/<code:code>/delete", reasons.ask_delete_reason, "GET", CHANGES),
        ("/<code:code>/delete", reasons.delete_reason, "POST", CHANGES),
    ),
    "settings": (
        ("", settings.show, "GET", False),
        ("", settings.save, "POST", CHANGES),
    ),
    "audit": (
        ("", audit.show_trail, "GET", False),
        (".csv", audit.export_csv, "GET", CHANGES),
        (".jsonl", audit.export_lines, "GET", CHANGES),
    ),
    "system": (
        ("", system.show_system, "GET", False),
        ("/doctor", system.run_doctor, "POST", CHANGES),
        ("/test-mail", system.send_test_mail, "POST", CHANGES),
    ),
    "store_settings": (
        ("", store_settings.store_settings, "GET", False),
        ("", store_settings.save_store_settings, "POST", CHANGES),
    ),
}
