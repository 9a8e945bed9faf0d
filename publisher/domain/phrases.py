"""Phrases by which servers say what they mean, in the words of very many of them.

They are matched against the reply in lower case with single spaces.
"""

from __future__ import annotations

FULL = (
    r"user'?s? (?:is )?(?:over|exceed)",
    r"over ?quota",
    r"quota (?:is )?(?:exceed|full|reach)",
    (
        r"(?:exceed\w*|out of|insufficient|not enough)\b.{0,40}\b(?:quota|storage|disk space|"
        r"space)"
    ),
    (
        r"(?:mail ?box|inbox|mailfolder|account|storage)\b.{0,30}\b(?:is |"
        r"was )?(?:almost )?(?:full|exceeded)"
    ),
    r"full (?:mail|in)box",
    r"mailbox size limit",
    r"storage limit",
    r"no space left",
    r"quota\w* violation",
    r"(?:would|has) exceed\w* (?:the )?(?:mailbox )?(?:quota|storage)",
    r"too many messages in",
    r"boîte pleine",
    r"postfach .{0,20}voll",
)
"""The mailbox is full: it will be emptied."""

BLOCKED = (
    r"(?:block|black|deny|reputation|real-?time) ?-?(?:hole )?lists?\b",
    r"\bdns ?[br]l\b|\brbls?\b|\bdnsbl",
    (
        r"spamhaus|spamcop|barracudacentral|sorbs|surbl|uribl|invaluement|proofpoint\.com|"
        r"cloudmark|senderscore|senderbase|talosintelligence|uceprotect"
    ),
    r"(?:bad|poor|low|no|sender|ip|domain|your|its|of|insufficient) reputation",
    r"reputation (?:of|is|score|service|too)",
    (
        r"(?:client|host|ip(?: address)?|server|network|address|domain|sender|connection|mta|"
        r"cidr)\b.{0,60}\b(?:blocked|banned|blacklisted|denylisted|blocklisted|listed (?:at|in|"
        r"on|by))"
    ),
    (
        r"(?:blocked|banned|blacklisted|denied|rejected)\b.{0,40}\b(?:your (?:ip|host|server|"
        r"domain|network)|ip address|client host|sending (?:ip|mta|host))"
    ),
    r"\bspf\b",
    r"\bdkim\b",
    r"\bdmarc\b",
    r"unauthenticated (?:e?mail|message|sender)",
    r"not authenticated\b",
    r"(?:reverse|ptr|rdns)\b.{0,30}(?:dns|record|lookup|hostname|resol|fail|mismatch|missing)",
    r"no ptr\b|ptr record",
    r"cannot find your (?:reverse )?hostname",
    r"helo (?:command )?rejected",
    r"(?:dynamic|residential|dial-?up) (?:ip|range|pool|host)",
    r"unusual rate of unsolicited",
    r"mail(?:ing)? (?:limits? )?from your (?:ip|network|server)",
    r"rate limit(?:ed)? .{0,40}(?:your|ip|domain|host)",
    (
        r"(?:sender|from|mail ?from) (?:address|domain)?\s*.{0,60}(?:rejected|verif|"
        r"does not (?:exist|resolve)|not found|denied|blocked)"
    ),
    r"(?:we|us|you) (?:are|have been) (?:blocked|block-?listed)",
    r"user complaints",
    r"deferred due to (?:unexpected volume|user complaint)",
    (
        r"not (?:accept\w*|allow\w*) (?:any )?(?:mail|connections?|messages?) from (?:your|"
        r"this) (?:ip|host|server|domain|network|mta)"
    ),
    r"you are not (?:allowed|authori[sz]ed|permitted) to (?:connect|send)",
    r"unsolicited (?:e?mail|bulk)\b.{0,30}(?:from your|originating)",
    r"local policy violation.{0,20}ip",
    r"\b(?:cs|ts|s)\d{2,}\b.{0,80}(?:block|policy)",
    r"sending (?:ip|domain).{0,30}(?:not|reject|block)",
    r"(?:is|are|been) block-? ?listed",
    r"too many messages from your (?:ip|server|host)",
    r"\[ts+\d\d\]",
)
"""It is about us: our server, our domain, how we sign."""

LATER = (
    r"gr[ea]y-?list",
    r"try (?:again|later)(?! with)",
    r"temporar(?:y|ily)",
    r"timed? ?out",
    r"connection (?:refused|reset|lost)",
    r"lost connection",
    r"network is unreachable",
    r"no route to host",
    r"resources (?:temporarily )?unavailable",
    r"system load",
    r"too (?:many|much) (?:connections|recipients|mail to this|concurrent)",
    r"receiving (?:mail|messages?) (?:at a rate|too (?:quickly|much))",
    r"delivery time expired",
    r"message expired",
    r"retry (?:time|timeout|limit) (?:not|exceeded)",
    r"(?:too many|exceeded).{0,20}\bhops\b",
    r"mail loop|loops back|forwarding loop|routing loop",
    r"could not be delivered (?:for|within)",
    r"server (?:is )?busy",
    r"quarantine",
    r"(?:mailbox|account|user|recipient)\b.{0,30}\b(?:locked|in use|suspended for)",
    (
        r"sender (?:is )?not (?:authenticated|authorized|allowed) (?:for|"
        r"to send to) (?:the )?(?:group|this (?:group|list|recipient))"
    ),
    r"only accepts? (?:mail|messages) from",
    r"restricted (?:group|recipient|list|to)",
    r"sender .{0,40}not on .{0,20}(?:allow|approved)",
    r"awaiting (?:activation|verification)",
)
"""It may mend itself, or only concerns this reader's own rules."""

NOBODY = (
    (
        r"(?:user|recipient|mailbox|address|account|addressee|alias|member|customer|"
        r"destinat\w+|person|local part|name)\b.{0,60}\b(?:unknown|not (?:be )?(?:found|known|"
        r"exist\w*|valid|recogni[sz]ed|a (?:known|valid)|listed|available here|our|here)|"
        r"does(?:n'?t| not) exist|invalid|inactive|disabled|deactivated|discontinued|no longer|"
        r"closed|deleted|terminated|expired|suspended|has (?:left|moved)|undeliverable|"
        r"not have an? )"
    ),
    (
        r"(?:unknown|no such|invalid|bad|non-?existent|nonexistent|inactive|inactivated|"
        r"disabled|unrecogni[sz]ed|undeliverable|unrouteable|illegal|not a valid|isn'?t a|"
        r"obsolete|abandoned)\b.{0,25}\b(?:user|recipient|mailbox|mail ?drop|address|account|"
        r"alias|person|local part|local-?part|destination|domain|host|rcpt)"
    ),
    (
        r"(?:e?mail )?account (?:that )?(?:you tried to reach )?(?:does not exist|is disabled|"
        r"is inactive)"
    ),
    (
        r"no (?:mailbox|account|user|one|body)\b.{0,20}(?:here|by that|by this|with that|named|"
        r"found|called)"
    ),
    (
        r"(?:host|domain)(?: name| or domain name)?\b.{0,40}\b(?:not found|unknown|"
        r"does not exist|nonexistent|no longer|has no mx|not resolve|expired)"
    ),
    r"nxdomain",
    r"null ?mx|does not accept (?:any )?(?:e?-?mail|messages)",
    r"recipient address rejected: access denied",
    r"(?:doesn'?t|does not|don'?t) (?:have|handle|like) (?:a |an |this |that |any |recip)",
    (
        r"resolver\.adr\.(?:recip|ex|inv)\w*not ?found|recipnotfound|"
        r"resolver\.adr\.recipientnotfound"
    ),
    r"is no longer (?:valid|active|with|at|in (?:use|service)|accept|available|employed)",
    r"left the (?:company|organi[sz]ation)",
    r"requested action not taken: mailbox unavailable",
    r"mailbox (?:is )?(?:currently )?unavailable",
    (
        r"relay(?:ing)? (?:access )?(?:denied|not permitted|prohibited)|unable to relay|"
        r"not (?:permitted )?to relay|not relay"
    ),
    r"verification failed for <?",
    (
        r"inconnu|unbekannt|desconocid|sconosciut|onbekend|n'existe pas|existiert nicht|"
        r"no existe|non esiste"
    ),
    r"address (?:has been )?(?:rejected|disabled|changed)$",
    r"no mailbox",
    r"not our customer",
    r"user ?doesn.?t ?exist|unknownuser|user ?unknown",
    r"invalid recipient",
    r"bad destination",
    r"recipient (?:rejected|is not (?:known|valid|accepted))",
    r"retry timeout.{0,10}all hosts.{0,20}long",
    r"(?:isn'?t|not) in my list of allowed rcpthosts",
)
"""There is no such person, or no such domain."""

MESSAGE = (
    (
        r"(?:message|mail|e-?mail|content|it|body|attachment|url|link)\b.{0,60}\b(?:spam|"
        r"unsolicited|bulk|phish\w*|virus\w*|malware|infected|malicious|suspicious|junk|"
        r"objectionable|prohibited|forbidden)"
    ),
    (
        r"spam (?:message|content|score|detected|mail|filter|points)|spam-like|is spam|as spam|"
        r"(?:looks|sounds) like spam|high spam|spamminess"
    ),
    r"(?:virus|malware|phishing|trojan)\b",
    r"content (?:filter|reject|restriction|policy|not (?:accept|allow)|is not|contains)",
    r"rejected (?:due to|for|by|because of) (?:its |the )?content",
    (
        r"(?:message|mail|size|body)\b.{0,40}\b(?:too (?:large|big)|exceeds? .{0,30}(?:size|"
        r"limit|maximum))"
    ),
    r"(?:maximum|max) (?:message )?size",
    r"size limit",
    r"(?:attachment|file (?:type|extension))s?\b",
    r"(?:line|header)s? (?:too long|length|exceed|missing|malformed)",
    r"bare (?:lf|cr|newline)",
    r"(?:missing|invalid|malformed|duplicate|multiple) .{0,20}header",
    r"not rfc ?-?5?2?8?22|rfc ?5?322 (?:compl|specif)",
    r"banned (?:content|url|word|extension)",
    r"blacklisted ur[il]|url .{0,30}(?:blacklist|blocklist)",
    r"8-?bit|smtputf8|charset",
    r"message (?:was )?(?:refused|rejected) by (?:the )?(?:recipient'?s )?(?:filter|content)",
    r"(?:its|the|message) content\b.{0,40}(?:presents|security|issue|violat)",
)
"""It is about this very message."""
