#include "lockstep/run/digest.h"

#include <xxhash.h>

#include <variant>

#include "vocab/operations.h"

namespace mmtwin::lockstep {

Digest::Digest() : state_(XXH3_createState()) { reset(); }
Digest::~Digest() { XXH3_freeState(state_); }

void Digest::reset() { XXH3_64bits_reset(state_); }
void Digest::add(const void* bytes, std::size_t count) { XXH3_64bits_update(state_, bytes, count); }
std::uint64_t Digest::value() const { return XXH3_64bits_digest(state_); }

void Digest::add(const Event& event) {
  const std::uint64_t words[] = {
      static_cast<std::uint64_t>(event.kind) | std::uint64_t{event.cpu.raw()} << 8 |
          std::uint64_t{event.order.raw()} << 16 | static_cast<std::uint64_t>(event.role) << 24 |
          std::uint64_t{event.level} << 32 | std::uint64_t{event.access} << 40 | std::uint64_t{event.index} << 48,
      event.frame.raw(), event.place, event.before, event.after};
  add(words, sizeof words);
}

void Digest::add(StepNumber step, const Response& response, bool shows_value) {
  const std::uint64_t words[] = {step.raw(), static_cast<std::uint64_t>(response.refusal),
                                 shows_value ? response.value : 0};
  add(words, sizeof words);
}

bool answers_with_contract(const Operation& operation, const Claims& claims) {
  return std::visit(
      [&](const auto& op) {
        using Op = std::decay_t<decltype(op)>;
        if constexpr (answers<Op>() == Answers::kFrame) {
          return false;
        } else if constexpr (answers<Op>() == Answers::kAddress) {
          return claims.has(Claim::kExactAddresses) || op.flags.any(kMapFixed | kMapNoReplace);
        } else {
          return true;
        }
      },
      operation);
}

std::string hex(std::uint64_t value) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (std::size_t i = 16; i-- > 0; value >>= 4) text[i] = kDigits[value & 15];
  return text;
}

}  // namespace mmtwin::lockstep
