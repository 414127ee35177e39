// Audit: a structure walked from end to end, claim by claim, and the first claim that does not hold.
//
// Laws: whatever a sentence quotes; the harness makes a finding of it (AUDIT-1). Context: nothing is in flight. Cost: a
// branch a claim. Walks stop at the first false claim, since what is broken may lead anywhere. Unlike check() it never
// ends the process, and says what is wrong in every build; it deliberately does not say where: a dump does.
#pragma once

namespace mmtwin::impl {

class Audit {
 public:
  // True as long as all claims so far hold.
  bool claim(bool holds, const char* sentence) {
    if (!holds && complaint_ == nullptr) complaint_ = sentence;
    return is_clean();
  }
  bool is_clean() const { return complaint_ == nullptr; }
  // The first claim that does not hold, nullptr: all do.
  const char* complaint() const { return complaint_; }

 private:
  const char* complaint_ = nullptr;
};

}  // namespace mmtwin::impl
