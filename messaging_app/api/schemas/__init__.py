"""The API's input and output: strict Pydantic models that drive validation, responses and OpenAPI, one module an area.

Input is accepted unchanged or refused: no text becomes a number, no unknown field is dropped. What a service checks
anyway (length after trimming, invisible characters) is only described here, so each rule exists once.
"""

from messaging_app.api.schemas.audit import *
from messaging_app.api.schemas.base import *
from messaging_app.api.schemas.bulk import *
from messaging_app.api.schemas.contexts import *
from messaging_app.api.schemas.conversations import *
from messaging_app.api.schemas.messages import *
from messaging_app.api.schemas.notes import *
from messaging_app.api.schemas.problem import *
from messaging_app.api.schemas.reasons import *
from messaging_app.api.schemas.recipients import *
from messaging_app.api.schemas.saved_replies import *
from messaging_app.api.schemas.saved_views import *
from messaging_app.api.schemas.search import *
from messaging_app.api.schemas.sides import *
