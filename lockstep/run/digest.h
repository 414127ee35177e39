// Digests of what a run said: XXH3, 64 bits, fed field by field.
//
// Laws: none; equal programs must give equal digests (determinism, DESIGN section 3). Context: one thread. Cost: about
// ten nanoseconds an event, 576 bytes. It deliberately hashes values only, never padding or addresses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "vocab/claims.h"
#include "vocab/events.h"
#include "vocab/observations.h"

struct XXH3_state_s;  // <xxhash.h>

namespace mmtwin {
struct Operation;  // vocab/operations.h
}  // namespace mmtwin

namespace mmtwin::lockstep {

class Digest {
 public:
  Digest();
  ~Digest();
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;

  void reset();
  void add(const void* bytes, std::size_t count);
  void add(const Event& event);
  // `shows_value`: the answer's value is contract (loaded bytes, a break, a claimed address) and not a free choice.
  void add(StepNumber step, const Response& response, bool shows_value);
  std::uint64_t value() const;

 private:
  XXH3_state_s* state_;
};

// Is the value of this operation's answer part of the contract, given what the system claims?
bool answers_with_contract(const Operation& operation, const Claims& claims);

std::string hex(std::uint64_t value);

}  // namespace mmtwin::lockstep
