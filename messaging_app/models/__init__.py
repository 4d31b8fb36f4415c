"""The domain's models, with their verbs and scopes."""

from messaging_app.models.account_link import AccountLink, LinkKind
from messaging_app.models.account_mail import AccountMail
from messaging_app.models.api_token import ApiToken
from messaging_app.models.attachment import MessageAttachment, NoteAttachment
from messaging_app.models.audit import AuditEntry, AuditHead
from messaging_app.models.context import Context, ContextFact
from messaging_app.models.conversation import Conversation, ConversationStatus
from messaging_app.models.delayed import DelayedMessage
from messaging_app.models.doctor_run import DoctorRun
from messaging_app.models.identity import Identity
from messaging_app.models.message import Message, MessageKind
from messaging_app.models.note import Note
from messaging_app.models.notification import Notification
from messaging_app.models.outgoing import NotificationState
from messaging_app.models.participant import ConversationParticipant
from messaging_app.models.platform import Customer, PlatformSetting, RecipientTerm, Store, StoreMembership, User
from messaging_app.models.reason import ReasonList
from messaging_app.models.saved_reply import SavedReply
from messaging_app.models.saved_view import SavedView
from messaging_app.models.scope import ConversationType
from messaging_app.models.search import SearchDue, SearchLine
from messaging_app.models.second_factor import Authenticator, Passkey, RecoveryCode
from messaging_app.models.side_line import SideLine
from messaging_app.models.sign_in import SignInSession
from messaging_app.models.worker import WorkerBeat

__all__ = [
    "AccountLink",
    "AccountMail",
    "ApiToken",
    "AuditEntry",
    "AuditHead",
    "Authenticator",
    "Context",
    "ContextFact",
    "Conversation",
    "ConversationParticipant",
    "ConversationStatus",
    "ConversationType",
    "Customer",
    "DelayedMessage",
    "DoctorRun",
    "Identity",
    "LinkKind",
    "Message",
    "MessageAttachment",
    "MessageKind",
    "Note",
    "NoteAttachment",
    "Notification",
    "NotificationState",
    "Passkey",
    "PlatformSetting",
    "ReasonList",
    "RecipientTerm",
    "RecoveryCode",
    "SavedReply",
    "SavedView",
    "SearchDue",
    "SearchLine",
    "SideLine",
    "SignInSession",
    "Store",
    "StoreMembership",
    "User",
    "WorkerBeat",
]
