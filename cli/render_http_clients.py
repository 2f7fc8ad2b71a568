"""How HTTP clients are written for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.render import NONE, fields, listing, when, yes_no

if TYPE_CHECKING:  # for annotations alone: --help must not wait for pydantic
    from collections.abc import Iterable

    from service.http_client_views import CertificateView, HttpClientTrial, HttpClientView


def client_table(rows: Iterable[HttpClientView]) -> str:
    """One line a client."""
    cells = (
        (
            row.name,
            ",".join(row.auth) or NONE,
            _days(row.certificate) if row.certificate else NONE,
            ",".join(row.used_by) or NONE,
        )
        for row in rows
    )
    return listing(("NAME", "AUTH", "CERTIFICATE", "USED BY"), cells)


def client_fields(row: HttpClientView) -> str:
    """Everything that may be known of a client."""
    certificate, oauth2 = row.certificate, row.oauth2
    return fields(
        [
            ("name", row.name),
            ("auth", ", ".join(row.auth) or "none"),
            ("certificate", certificate.subject if certificate else None),
            ("  issuer", certificate.issuer if certificate else None),
            ("  expires", f"{when(certificate.not_after)} ({_days(certificate)})" if certificate else None),
            ("  sha256", certificate.sha256 if certificate else None),
            ("trust store", "; ".join(f"{each.subject} ({_days(each)})" for each in row.trust) or "the system's"),
            ("user", row.user),
            ("token url", oauth2.token_url if oauth2 else None),
            ("client id", oauth2.client_id if oauth2 else None),
            ("scope", oauth2.scope if oauth2 else None),
            ("audience", oauth2.audience if oauth2 else None),
            ("oauth2 auth", oauth2.auth.value if oauth2 else None),
            ("proxy", row.proxy),
            ("proxy credentials", yes_no(row.proxy_credentials) if row.proxy else None),
            ("connect timeout", f"{row.connect_seconds:g} s"),
            ("timeout", f"{row.total_seconds:g} s"),
            ("used by", ", ".join(row.used_by) or NONE),
            ("version", row.version),
            ("created", when(row.created_at)),
            ("updated", when(row.updated_at)),
        ]
    )


def trial_fields(trial: HttpClientTrial) -> str:
    """`im http-client test`: what was met on the way."""
    peer = trial.peer
    return fields(
        [
            ("http-client", trial.http_client),
            ("url", trial.url),
            ("method", trial.method),
            ("token", f"fetched, valid for {trial.token_seconds} s" if trial.token_seconds is not None else None),
            ("tls", f"{peer.tls} {peer.cipher or ''}".strip() if peer else None),
            ("peer subject", peer.certificate.subject if peer else None),
            ("peer issuer", peer.certificate.issuer if peer else None),
            ("peer sha256", peer.certificate.sha256 if peer else None),
            ("peer expires", f"{when(peer.certificate.not_after)} ({peer.days_left} days left)" if peer else None),
            ("status", trial.answer),
            ("failure", trial.failure.value if trial.failure else None),
            ("error", trial.error),
            ("took", f"{trial.duration_ms} ms"),
        ]
    )


def _days(certificate: CertificateView) -> str:
    days = certificate.days_remaining
    return f"{days} days left" if days >= 0 else "expired"
