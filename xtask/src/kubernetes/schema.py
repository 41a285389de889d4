"""Holds manifests against Kubernetes' schemas, without a cluster.

schema.py json FILE            its objects, as JSON
schema.py newest               the newest version there is a schema of
schema.py check FILE FROM TO   against all versions from FROM to before TO ("": the newest);
                               prints how many objects were checked, or what is wrong
"""

import json
import sys

import kubernetes_validate
import yaml
from kubernetes_validate.utils import all_versions, major_minor

# Not Kubernetes' own: nobody here has their schemas.
FOREIGN = {"ServiceMonitor"}


def number(version):
    return [int(part) for part in version.split(".")[:2]]


def versions(first, last):
    every = {major_minor(version) for version in all_versions()}
    wanted = [v for v in every if number(v) >= number(first)]
    if last:
        wanted = [v for v in wanted if number(v) < number(last)]
    return sorted(wanted, key=number)


def check(objects, first, last):
    wrong = 0
    for version in versions(first, last):
        for thing in objects:
            if thing["kind"] in FOREIGN:
                continue
            try:
                kubernetes_validate.validate(thing, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                path = ".".join(str(part) for part in error.path)
                print(f"{version}: {thing['kind']}: {path}: {error.message}")
                wrong += 1
            except kubernetes_validate.SchemaNotFoundError as error:
                print(f"{version}: {error.message}")
                wrong += 1
    return wrong


def main(job, *rest):
    if job == "newest":
        print(major_minor(all_versions()[-1]))
        return 0
    with open(rest[0]) as file:
        objects = [thing for thing in yaml.safe_load_all(file) if thing]
    if job == "json":
        json.dump(objects, sys.stdout)
        return 0
    if check(objects, *rest[1:]):
        return 1
    print(len(objects))
    return 0


sys.exit(main(*sys.argv[1:]))
