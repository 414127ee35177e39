// What a process gives up before it loads somebody else's library.
//
// Laws: none. Context: the host's process, once, before anything else is done there. Cost: some system calls. Against
// mistakes, not against malice: what is wrong with an allocator must not reach the judge, other processes or the
// terminal. It may have threads, but no processes; signals reach itself alone.
#pragma once

#include <cstddef>

namespace mmtwin::lockstep {

// `keep_first`, `keep_second`: descriptors that stay open, with standard error. Standard output goes there as well.
// Memory that is shared with other processes is unmapped, but for [kept, kept + bytes).
void confine(int keep_first, int keep_second, const void* kept, std::size_t bytes);

}  // namespace mmtwin::lockstep
