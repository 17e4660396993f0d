// SPDX-License-Identifier: MIT
/* What the C library makes of futexes: locks that a helper holds, and conditions never signalled */
#define _GNU_SOURCE
#include <threads.h>

#include "waiter.h"

/* ---- semaphores and conditions --------------------------------------------------------------- */

static void by_sem_timedwait(struct wait *w)
{
	sem_t sem;

	sem_init(&sem, 0, 0);
	begin(w);
	ended(w, failed(sem_timedwait(&sem, w->at)));
	sem_destroy(&sem);
}

static void by_sem_clockwait(struct wait *w)
{
	sem_t sem;

	sem_init(&sem, 0, 0);
	begin(w);
	ended(w, failed(sem_clockwait(&sem, w->clock, w->at)));
	sem_destroy(&sem);
}

static void by_cond_timedwait(struct wait *w)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_condattr_t attributes;
	pthread_cond_t cond;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, w->clock);
	pthread_cond_init(&cond, &attributes);
	pthread_mutex_lock(&mutex);
	begin(w);
	ended(w, pthread_cond_timedwait(&cond, &mutex, w->at));
	pthread_mutex_unlock(&mutex);
	pthread_cond_destroy(&cond);
	pthread_condattr_destroy(&attributes);
}

static void by_cond_clockwait(struct wait *w)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

	pthread_mutex_lock(&mutex);
	begin(w);
	ended(w, pthread_cond_clockwait(&cond, &mutex, w->clock, w->at));
	pthread_mutex_unlock(&mutex);
}

static void by_cnd_timedwait(struct wait *w)
{
	mtx_t mutex;
	cnd_t cond;
	int rc;

	mtx_init(&mutex, mtx_plain);
	cnd_init(&cond);
	mtx_lock(&mutex);
	begin(w);
	rc = cnd_timedwait(&cond, &mutex, w->at);
	ended(w, rc == thrd_timedout ? ETIMEDOUT : rc);
	mtx_unlock(&mutex);
	cnd_destroy(&cond);
	mtx_destroy(&mutex);
}

/* ---- locks ----------------------------------------------------------------------------------- */

static void lock_mutex(void *mutex)
{
	pthread_mutex_lock(mutex);
}

static void unlock_mutex(void *mutex)
{
	pthread_mutex_unlock(mutex);
}

static void by_mutex_timedlock(struct wait *w)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

	helper(w, lock_mutex, unlock_mutex, &mutex);
	begin(w);
	ended(w, pthread_mutex_timedlock(&mutex, w->at));
}

static void by_mutex_clocklock(struct wait *w)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

	helper(w, lock_mutex, unlock_mutex, &mutex);
	begin(w);
	ended(w, pthread_mutex_clocklock(&mutex, w->clock, w->at));
}

static pthread_mutex_t *inheriting_mutex(void)
{
	static pthread_mutex_t mutex;
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&mutex, &attributes);
	pthread_mutexattr_destroy(&attributes);
	return &mutex;
}

static void by_pi_mutex_clocklock(struct wait *w)
{
	pthread_mutex_t *mutex = inheriting_mutex();

	helper(w, lock_mutex, unlock_mutex, mutex);
	begin(w);
	ended(w, pthread_mutex_clocklock(mutex, w->clock, w->at));
}

static void lock_mtx(void *mutex)
{
	mtx_lock(mutex);
}

static void unlock_mtx(void *mutex)
{
	mtx_unlock(mutex);
}

static void by_mtx_timedlock(struct wait *w)
{
	static mtx_t mutex;
	int rc;

	mtx_init(&mutex, mtx_timed);
	helper(w, lock_mtx, unlock_mtx, &mutex);
	begin(w);
	rc = mtx_timedlock(&mutex, w->at);
	ended(w, rc == thrd_timedout ? ETIMEDOUT : rc);
}

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;

static void lock_rwlock(void *lock)
{
	pthread_rwlock_wrlock(lock);
}

static void unlock_rwlock(void *lock)
{
	pthread_rwlock_unlock(lock);
}

static void by_rwlock(struct wait *w, int (*lock)(pthread_rwlock_t *, const struct timespec *))
{
	helper(w, lock_rwlock, unlock_rwlock, &rwlock);
	begin(w);
	ended(w, lock(&rwlock, w->at));
}

static void by_timedrdlock(struct wait *w)
{
	by_rwlock(w, pthread_rwlock_timedrdlock);
}

static void by_timedwrlock(struct wait *w)
{
	by_rwlock(w, pthread_rwlock_timedwrlock);
}

static void by_clockrdlock(struct wait *w)
{
	helper(w, lock_rwlock, unlock_rwlock, &rwlock);
	begin(w);
	ended(w, pthread_rwlock_clockrdlock(&rwlock, w->clock, w->at));
}

static void by_clockwrlock(struct wait *w)
{
	helper(w, lock_rwlock, unlock_rwlock, &rwlock);
	begin(w);
	ended(w, pthread_rwlock_clockwrlock(&rwlock, w->clock, w->at));
}

/* ---- threads --------------------------------------------------------------------------------- */

static void by_timedjoin(struct wait *w)
{
	helper(w, NULL, NULL, NULL);
	begin(w);
	ended(w, pthread_timedjoin_np(w->helper, NULL, w->at));
}

static void by_clockjoin(struct wait *w)
{
	helper(w, NULL, NULL, NULL);
	begin(w);
	ended(w, pthread_clockjoin_np(w->helper, NULL, w->clock, w->at));
}

const struct row pthread_rows[] = {
	{ "sem_timedwait", by_sem_timedwait, "r", "a", 1, ETIMEDOUT, 0 },
	{ "sem_clockwait", by_sem_clockwait, "mr", "a", 1, ETIMEDOUT, 0 },
	{ "pthread_cond_timedwait", by_cond_timedwait, "mr", "a", 1, ETIMEDOUT, 0 },
	{ "pthread_cond_clockwait", by_cond_clockwait, "mr", "a", 1, ETIMEDOUT, 0 },
	{ "cnd_timedwait", by_cnd_timedwait, "r", "a", 1, ETIMEDOUT, 0 },
	{ "pthread_mutex_timedlock", by_mutex_timedlock, "r", "a", 1, ETIMEDOUT, 0 },
	{ "pthread_mutex_clocklock", by_mutex_clocklock, "mr", "a", 1, ETIMEDOUT, 0 },
	{ "pthread_mutex_clocklock_PI", by_pi_mutex_clocklock, "mr", "a", 1, ETIMEDOUT, 0 },
	{ "mtx_timedlock", by_mtx_timedlock, "r", "a", 1, ETIMEDOUT, 0 },
	{ "pthread_rwlock_timedrdlock", by_timedrdlock, "r", "a", 1, ETIMEDOUT, 0 },
	{ "pthread_rwlock_timedwrlock", by_timedwrlock, "r", "a", 1, ETIMEDOUT, 0 },
	{ "pthread_rwlock_clockrdlock", by_clockrdlock, "mr", "a", 1, ETIMEDOUT, 0 },
	{ "pthread_rwlock_clockwrlock", by_clockwrlock, "mr", "a", 1, ETIMEDOUT, 0 },
	{ "pthread_timedjoin_np", by_timedjoin, "r", "a", 1, ETIMEDOUT, 0 },
	{ "pthread_clockjoin_np", by_clockjoin, "mr", "a", 1, ETIMEDOUT, 0 },
	{ 0 }
};
