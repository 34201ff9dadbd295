"""Dispatches one tool call, from a model's arguments to the result that it reads, by one way for all operations.

    arguments ─► coerce ─► validate ─► shop ─► bind ─► confirm ─► reserve ─► permit ─► sign ─► send ─► parse ─►
                 └─── catalog ────┘  platform catalog  └─ writes alone ─┘    └────────── platform ─────────┘
    redact ─► project ─► truncate ─► result
    └──── redaction, results ───┘

Where a step is found:

- coerce, validate, bind: `catalog/coercion.py`, `validation.py`, `binding.py`; files to upload: `uploads.py`
- the way itself: `dispatch.py`; its two arms: `shops_reader.py` and `writes.py`; for which shop: `targets.py`
- a read at one shop: `reads.py` (pagination: `page_buffer.py`, `page_file.py`); of several: `several_answers.py`
- preview, dry run, current state: `preview.py`, `current_state.py`
- confirmation by token or elicitation: `confirmation.py`, `caller.py`
- never twice (fingerprint, idempotency key, unknown outcome, audit log): `fingerprint.py`, `writes.py`, `state/`
- signing, retries, rate limits, the deadline, the envelope: `platform/`
- redaction of buyers' data, projection to fields, truncation to the budget: `redaction/`, `results/`

Left of `bind` a call fails because of its arguments, right of it because of the world. Every failure is a `ShopError`,
raised where it is found and caught once, in `protocol/server.py`.
"""
