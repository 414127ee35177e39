#include "version/asymmetric_barrier.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace mmtwin::impl {
namespace {

bool register_membarrier() { return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0; }

bool has_membarrier() {
  static const bool registered = register_membarrier();
  return registered;
}

}  // namespace

bool owner_must_fence() { return !has_membarrier(); }

void visitor_barrier() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (has_membarrier()) syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

}  // namespace mmtwin::impl
