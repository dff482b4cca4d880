"""`gateway doctor`: why a page of one origin cannot use an API, or that it can.

call -> connection, http1, wire -> examine -> fetch, rules -> diagnose
     -> grants, placeholders, texts, remedies -> report.
"""
