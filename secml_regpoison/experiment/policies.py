"""Policies: the defender's ways to choose lambda.

A name: 'clean-cv', 5-fold cross-validation on the clean training rows and
then fixed, as in Xiao et al. (2015); 'learned', re-learned on the validation
set at each strength of the attack; 'trusted-only', the classifier of the
validation rows alone, which no poison reaches, 5-fold cross-validated on them.
'learned-trust': the validation rows and s times the others, (lambda, s)
cross-validated on the validation rows at each strength, see `.core.trust`.
A number: lambda fixed at it, a natural log with C = exp(-lambda).

A policy with '-own' after its name is evaluated at one strength only, that of
the verdict. Its attacker, 'own' of `.plan`, knows the test rows and keeps the
loss on the trusted rows low.
"""
from secml_regpoison.figure.style import OWN

TRUSTED = 'trusted-only'
LEARNED = 'learned', 'learned-trust'
DEFAULT_POLICIES = 'clean-cv', 'learned', TRUSTED
POLICIES = *DEFAULT_POLICIES, 'learned-trust'


def with_own(policies):
    """The policies, and '-own' of those that poison reaches."""
    return (*policies, *(f'{policy_name(policy)}{OWN}' for policy in policies
                         if policy != TRUSTED))


def without_own(policy):
    """The policy of one with '-own'."""
    name = policy.removesuffix(OWN)
    return name if name in POLICIES else float(name)


def is_own(policy):
    """Whether it is one of those with '-own'."""
    return isinstance(policy, str) and policy.endswith(OWN)


def policy_name(policy):
    """Text of a policy, as the user writes it; -0 is 0."""
    return policy if isinstance(policy, str) else f'{policy + 0.:.12g}'


def in_sentence(name):
    """The name of a policy as a sentence takes it: a number says of what."""
    is_number = name.lstrip('-')[:1].isdigit()
    return f'lambda {name}' if is_number else name


def describe_policy(name):
    """The choice of lambda, in words."""
    words = {'clean-cv': 'fixed by clean cross-validation',
             'learned': 'learned',
             'learned-trust': 'learned with the weight of the other rows',
             TRUSTED: 'of the trusted rows alone'}
    return words.get(name, 'fixed')


def check_trust(policies, classifier, penalty, weighted):
    """Raise ValueError where 'learned-trust' cannot weigh the rows of a plan's
    classifier. `weighted`: those that it takes, in words."""
    if 'learned-trust' in policies and not (
            classifier in ('logistic', 'svm') and penalty == 'l2'):
        raise ValueError(
            '`policies` must not name learned-trust with the classifier '
            f'{classifier} and the penalty {penalty}: it needs {weighted}.')
