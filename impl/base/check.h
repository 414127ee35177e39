// check(): an assert that is a sentence with a law's id.
//
// Laws: whatever the sentence quotes. Context: any. Cost: one predicted branch in lockstep builds, nothing in threads
// builds. A failed check prints its sentence and aborts, unless set_checks_abort(false) leaves the finding to the
// judge. It deliberately takes no format arguments: the dump of the structure says the numbers.
#pragma once

#include "version/check.h"
