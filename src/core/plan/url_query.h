/* core/plan/url_query.h -- whether the query of a URL is a permission to read, and of
 * what. */
#ifndef CORE_PLAN_URL_QUERY_H
#define CORE_PLAN_URL_QUERY_H

enum url_query {
    URL_QUERY_PLAIN,  /* none, or not known to be signed */
    URL_QUERY_SHARED, /* signed for more than one file: a token, a policy, a container */
    URL_QUERY_SINGLE  /* signed for this one URL, as S3 and Google do */
};

enum url_query url_query_of(const char *url);

#endif
