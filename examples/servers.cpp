// SPDX-License-Identifier: MIT
// Tokens on a database server, which several machines share. It needs a server of yours. To run it: ./servers PASSWORD
#include <tokenkeep/mysql.hpp>
#include <tokenkeep/postgres.hpp>
#include <tokenkeep/redis.hpp>

#include <cstdio>

int main(int count, char** words) {
    const tokenkeep::secret password = count > 1 ? words[1] : "";
    const tokenkeep::mysql_parameters server{
        .host = "127.0.0.1", .database = "app", .user = "app", .password = password};
    tokenkeep::mysql_store mine{server};
    tokenkeep::postgres_store ours{"host=db.example dbname=app user=app sslmode=verify-full"};
    tokenkeep::redis_store theirs{tokenkeep::redis_parameters{.host = "127.0.0.1", .password = password}};
    try {
        std::printf("%zu tokens in MySQL\n", mine.get_tokens().size());
        std::printf("%zu tokens in PostgreSQL\n", ours.get_tokens().size());
        std::printf("%zu tokens in Redis\n", theirs.get_tokens().size());
    } catch (const tokenkeep::error& failure) {
        std::printf("%s\n", failure.what());
    }
}
