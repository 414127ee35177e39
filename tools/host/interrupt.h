// Interrupts from outside: SIGINT, SIGTERM and SIGHUP ask a command to end soon, with a report of what it has so far.
//
// Laws: none. Context: the calling process and whatever it forks; the handler only notes the time. Cost: a load a
// question. A second signal ends the process at once, as if nobody had caught it; what comes within a quarter of a
// second is one request, since timeout(1) and shells send theirs twice. Calls that the kernel can restart are
// restarted: who waits in read() is not woken, who sleeps in poll() is. It deliberately stops nothing by itself:
// whoever works in a loop asks.
#pragma once

namespace mmtwin::tools {

// From now on signals are noted. Again: what was noted is forgotten.
void catch_interrupts();
bool interrupted();

}  // namespace mmtwin::tools
