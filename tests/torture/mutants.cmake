# SPDX-License-Identifier: MIT
# Mutation testing with all mutants in one program: TOKENKEEP_MUTANT in the environment says which mutation is on, and
# tests::mutated("NAME") in the mutated headers whether this one is. CTest runs the program once for each.

# Where HEADER reads BEFORE, which it does once, the mutants of torture/PROGRAM.cpp read AFTER.
function(tokenkeep_mutation program header before after)
  set(key tokenkeep_mutated_${program}_${header})
  get_property(text GLOBAL PROPERTY ${key})
  if(NOT text)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source}/include/tokenkeep/${header})
    file(READ ${source}/include/tokenkeep/${header} text)
  endif()
  string(FIND "${text}" "${before}" first)
  string(FIND "${text}" "${before}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "A mutation needs a text that stands once in ${header}:\n${before}")
  endif()
  string(REPLACE "${before}" "${after}" mutated "${text}")
  set_property(GLOBAL PROPERTY ${key} "${mutated}")
  set_property(GLOBAL APPEND PROPERTY tokenkeep_mutated_${program} ${header})
endfunction()

# With the mutation NAME on, the tests of PROGRAM that TESTS selects must print FAILURE.
function(tokenkeep_mutant program name tests failure)
  add_test(NAME torture/mutant/${name} COMMAND tokenkeep_mutants_${program} --abort ${tests})
  set_tests_properties(torture/mutant/${name} PROPERTIES TIMEOUT 300 PASS_REGULAR_EXPRESSION "${failure}"
                       ENVIRONMENT TOKENKEEP_MUTANT=${name} ENVIRONMENT_MODIFICATION TOKENKEEP_TORTURE=unset:)
endfunction()

# Builds PROGRAM with the mutations that have been given.
function(tokenkeep_mutants_program program)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/mutants/${program})
  get_property(headers GLOBAL PROPERTY tokenkeep_mutated_${program})
  list(REMOVE_DUPLICATES headers)
  foreach(header IN LISTS headers)
    get_property(text GLOBAL PROPERTY tokenkeep_mutated_${program}_${header})
    file(CONFIGURE OUTPUT ${folder}/tokenkeep/${header} CONTENT "${text}" @ONLY)
  endforeach()
  tokenkeep_test(mutants/${program} FILES torture/${program}.cpp LIBRARY tokenkeep NEEDS ${tools} NO_TEST
                 OPTIONS -O2 -include ${source}/tests/torture/mutated.hpp)
  target_include_directories(tokenkeep_mutants_${program} BEFORE PRIVATE ${folder})
endfunction()

# ---- The store in a file ----

tokenkeep_mutation(file_store_sweep detail/journal/writer.hpp "!now_.state.position.torn && !now_.has_failed"
  [[(!now_.state.position.torn || tests::mutated("appends_after_torn_tail")) && (!now_.has_failed || tests::mutated("appends_after_failure"))]])
tokenkeep_mutation(file_store_sweep detail/journal/shared.hpp "return std::optional(rows.remove(id));"
  [[const auto record = rows.remove(id);
            if (removed && tests::mutated("erases_too_early")) rows.overwrite(*removed);
            return std::optional(record);]])
foreach(name IN ITEMS appends_after_torn_tail erases_too_early)
  tokenkeep_mutant(file_store_sweep ${name} "*" "test cases: .* failed")
endforeach()
tokenkeep_mutant(file_store_sweep appends_after_failure "file_store: the same while another*" "test cases: .* failed")
tokenkeep_mutants_program(file_store_sweep)

# ---- The refresh transaction ----

tokenkeep_mutation(transaction detail/keeper/refresh.hpp [[            look_again();
            if (is_refreshed_since]] [[            if (!tests::mutated("no_second_look")) look_again();
            if (is_refreshed_since]])
tokenkeep_mutation(transaction detail/keeper/transaction.hpp "if (!rows_.replace(row, marked)) return false;"
  [[if (const bool blind = tests::mutated("no_second_look"); blind || tests::mutated("marker_compares_the_token_only")) {
                const std::optional<token> now = rows_.find_by_id(row.id);
                if (!now || (!blind && now->refresh_token != row.refresh_token)) return false;
                token forced = *now;
                forced.status = marked.status;
                if (!rows_.replace(*now, forced)) return false;
            } else if (!rows_.replace(row, marked))
                return false;]])
tokenkeep_mutant(transaction no_second_look "[no fault]" "S1: ")
tokenkeep_mutant(transaction marker_compares_the_token_only "[lock lost]" "S1: ")

tokenkeep_mutation(transaction detail/keeper/refresh.hpp "std::optional<token> saved;"
  [[if (tests::mutated("lock_given_back_before_the_save")) const tokenkeep::detail::erased_guard early = std::move(guard);
        if (token cleared = row_; tests::mutated("marker_cleared_before_the_save")) {
            cleared.status.clear();
            if (rows_.replace(row_, cleared)) row_ = cleared;
        }
        if (tests::mutated("handed_out_before_the_save")) {
            row_ = room.tokens.applied_to(row_);
            return true;
        }
        std::optional<token> saved;]])
tokenkeep_mutant(transaction lock_given_back_before_the_save "[slow]" "S1: ")
tokenkeep_mutant(transaction marker_cleared_before_the_save "[losing]" "S3: ")
tokenkeep_mutant(transaction handed_out_before_the_save "[no fault]" "S5: ")

tokenkeep_mutation(transaction detail/keeper/refresh.hpp "if (!write_marker(before, row_) || !may_still_send(row_, marker, marked_at)) continue;"
  [[if (tests::mutated("no_marker"))
                row_ = before;
            else if (!write_marker(before, row_))
                continue;]])
tokenkeep_mutant(transaction no_marker "[losing]" "S3: ")

tokenkeep_mutation(transaction detail/keeper/transaction.hpp "if (!marker.last_sent) return false;"
  [[if (!marker.last_sent || tests::mutated("settles_without_waiting")) return false;
        if (tests::mutated("never_settles")) return true;]])
tokenkeep_mutant(transaction settles_without_waiting "[losing]" "S1: ")
tokenkeep_mutant(transaction never_settles "[losing]" "S9: ")

tokenkeep_mutation(transaction detail/keeper/row_access.hpp "if (failure.code() != errc::lock_timeout || clock_.steady_now() >= until_) throw;"
  [[if (tests::mutated("carries_on_without_the_lock"))
                        return store_.lock_token(key + ", not obtained", (deadline::max)(), (deadline::max)());
                    if (failure.code() != errc::lock_timeout || clock_.steady_now() >= until_) throw;]])
tokenkeep_mutation(transaction detail/keeper/transaction.hpp "bool is_late() const { return "
  [[bool is_late() const { return !tests::mutated("carries_on_without_the_lock") && ]])
tokenkeep_mutant(transaction carries_on_without_the_lock "[harmless]" "S1: ")

tokenkeep_mutation(transaction detail/keeper/refresh.hpp "const auto left = parts_.replay_grace() - time_between(marker.first_sent, now);"
  [[const auto grace = tests::mutated("lost_answer_sent_again") ? std::chrono::hours(1) : parts_.replay_grace();
        const auto left = grace - time_between(marker.first_sent, now);]])
tokenkeep_mutation(transaction detail/keeper/refresh.hpp "if (!rows_.excludes() || now < marker.first_sent)"
  [[const bool locks = rows_.excludes() || tests::mutated("replays_what_others_sent_without_a_lock");
        if (!locks || now < marker.first_sent)]])
tokenkeep_mutation(transaction detail/keeper/refresh.hpp "return std::min<std::chrono::milliseconds>(left, parts_.options.request_timeout);"
  [[if (tests::mutated("replay_with_the_whole_timeout")) return parts_.options.request_timeout;
        return std::min<std::chrono::milliseconds>(left, parts_.options.request_timeout);]])
tokenkeep_mutant(transaction lost_answer_sent_again "[losing]" "S3: ")
tokenkeep_mutant(transaction replay_with_the_whole_timeout "[grace]" "S3: ")
tokenkeep_mutant(transaction replays_what_others_sent_without_a_lock "[plain]" "S1: ")

tokenkeep_mutation(transaction detail/keeper/transaction.hpp "if (refusal.certainly_refused()) {"
  [[if (refusal.certainly_refused() ||
                (refusal.code() == errc::server_unavailable && tests::mutated("5xx_taken_for_not_spent"))) {]])
tokenkeep_mutant(transaction 5xx_taken_for_not_spent "[losing]" "S3: ")

tokenkeep_mutation(transaction detail/keeper/transaction.hpp "tell(event_kind::not_saved, flight.unsaved->tokens.marked);"
  [[if (tests::mutated("lock_given_back_with_unsaved_tokens")) const tokenkeep::detail::erased_guard early = *std::move(flight.unsaved->guard);
            tell(event_kind::not_saved, flight.unsaved->tokens.marked);]])
tokenkeep_mutation(transaction detail/keeper/transaction.hpp "if (flight.unsaved) {"
  [[if (tests::mutated("unsaved_tokens_forgotten")) flight.unsaved.reset();
        if (flight.unsaved) {]])
tokenkeep_mutation(transaction detail/keeper/core_functions.hpp "if (!flight.unsaved) return;" [[if (!flight.unsaved || tests::mutated("unsaved_tokens_forgotten")) return;]])
tokenkeep_mutant(transaction lock_given_back_with_unsaved_tokens "[unsaved]" "S1: ")
tokenkeep_mutant(transaction unsaved_tokens_forgotten "[unsaved]" "S[12]: ")

tokenkeep_mutation(transaction detail/keeper/refresh.hpp "tell(event_kind::refused, row_, result.server_code);"
  [[tell(event_kind::refused, row_, result.server_code);
        if (tests::mutated("loser_deletes"))
            if (const std::optional<token> now = rows_.find_by_id(row_.id)) rows_.remove(*now);]])
tokenkeep_mutant(transaction loser_deletes "[losing]" "S8: ")

tokenkeep_mutation(transaction detail/keeper/transaction.hpp "if (!rows_.replace(tokens.marked, *saved)) saved"
  [[const bool inserts = tests::mutated("save_inserts") && !rows_.find_by_id(tokens.marked.id);
            if (tests::mutated("save_by_id") || inserts)
                rows_.save(*saved);
            else if (!rows_.replace(tokens.marked, *saved))
                saved]]) # = what the rest of the line says
tokenkeep_mutant(transaction save_by_id "[login]" "S8: ")
tokenkeep_mutant(transaction save_inserts "[login]" "S8: ")

tokenkeep_mutation(transaction detail/keeper/revocation.hpp "while (!rows_.remove(row_)) {"
  [[if (tests::mutated("revocation_deletes_by_id")) {
            parts_.store.delete_token(row_.id, (deadline::max)());
            return true;
        }
        while (!rows_.remove(row_)) {]])
tokenkeep_mutant(transaction revocation_deletes_by_id "[revocation]" "S8: ")

tokenkeep_mutation(transaction detail/keeper/refresh.hpp "if (!can_be_served(row_, rejected_)) throw;"
  [[if (!can_be_served(row_, rejected_) || tests::mutated("old_token_not_served")) throw;]])
tokenkeep_mutant(transaction old_token_not_served "[harmless]" "S3: ")

tokenkeep_mutation(transaction detail/keeper/refresh.hpp "is_marked_with(before, before.grant_token) ? before.status"
  [[is_marked_with(before, before.grant_token) && !tests::mutated("a_refresh_ends_the_doubt_of_a_login") ? before.status]])
tokenkeep_mutation(transaction detail/keeper/login.hpp "if (is_in_doubt(row) && "
  [[if (is_in_doubt(row) && !tests::mutated("grant_token_sent_again") && ]])
tokenkeep_mutant(transaction a_refresh_ends_the_doubt_of_a_login "[exchange]" "S9: ")
tokenkeep_mutant(transaction grant_token_sent_again "[exchange]" "S1: ")

tokenkeep_mutation(transaction detail/keeper/refresh.hpp "if (finish(flight, guard, room)) return true;"
  [[if (room.tokens.answer.access_token.empty() && tests::mutated("half_of_the_tokens_is_dropped")) {
                    take_back(before);
                    fail(flight, row_, no_access_token(room.tokens.answer), {.is_unexplained = true});
                }
                if (finish(flight, guard, room)) return true;]])
tokenkeep_mutation(transaction detail/keeper/transaction.hpp [[result.kind = outcome_kind::tokens;
            for]]
  [[if (room.tokens.answer.access_token.empty() && tests::mutated("half_of_the_tokens_is_no_answer")) throw no_session();
            result.kind = outcome_kind::tokens;
            for]])
tokenkeep_mutation(transaction detail/keeper/parts.hpp "if (is_unexplained) return"
  [[if (is_unexplained && !tests::mutated("no_pause_after_an_unexplained_refusal")) return]])
tokenkeep_mutation(transaction detail/keeper/refresh.hpp "return rejected_ != nullptr && rejected_->empty()"
  [[return ((rejected_ != nullptr && rejected_->empty()) || tests::mutated("a_dead_token_is_sent_for_any_call"))]])
tokenkeep_mutant(transaction half_of_the_tokens_is_dropped "[half]" "S[12]: ")
tokenkeep_mutant(transaction half_of_the_tokens_is_no_answer "[half]" "S[12]: ")
tokenkeep_mutant(transaction no_pause_after_an_unexplained_refusal "[unexplained]" "S7: ")
tokenkeep_mutant(transaction a_dead_token_is_sent_for_any_call "[losing]" "S7: ")

tokenkeep_mutants_program(transaction)
