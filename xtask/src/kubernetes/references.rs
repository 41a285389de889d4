//! Names that one object has of another: the API server takes wrong ones, and nothing comes
//! of it.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// Objects of that kind.
pub fn of_kind<'a>(objects: &'a [Value], kind: &str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| object["kind"] == kind)
}

/// The one container.
pub fn container(objects: &[Value]) -> Result<&Value> {
    let containers = &pod(objects)?["spec"]["containers"];
    let only = containers
        .as_array()
        .filter(|containers| containers.len() == 1);
    Ok(&only.context("not one container")?[0])
}

/// Those of an array's members that are texts.
pub fn texts(array: &Value) -> impl Iterator<Item = &str> {
    list(array).filter_map(Value::as_str)
}

fn list(array: &Value) -> impl Iterator<Item = &Value> {
    array.as_array().into_iter().flatten()
}

fn pod(objects: &[Value]) -> Result<&Value> {
    let set = of_kind(objects, "DaemonSet").next();
    Ok(&set.context("no DaemonSet")?["spec"]["template"])
}

/// Fails with all that lead nowhere.
pub fn check(objects: &[Value]) -> Result<()> {
    let mut wrong = Vec::new();
    let mut expect = |well: bool, what: String| {
        if !well {
            wrong.push(what);
        }
    };
    let (pod, container) = (pod(objects)?, container(objects)?);
    let labels = &pod["metadata"]["labels"];
    let ports: Vec<&Value> = list(&container["ports"])
        .map(|port| &port["name"])
        .collect();

    for (kind, at) in [
        ("DaemonSet", "/spec/selector/matchLabels"),
        ("Service", "/spec/selector"),
        ("NetworkPolicy", "/spec/podSelector/matchLabels"),
    ] {
        for object in of_kind(objects, kind) {
            let selector = object.pointer(at);
            expect(
                selector.is_some_and(|s| selects(s, labels)),
                format!("{kind} selects no pod"),
            );
        }
    }
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let port = &container[probe]["httpGet"]["port"];
        expect(ports.contains(&port), format!("{probe} asks at {port}"));
    }
    for service in of_kind(objects, "Service") {
        for port in list(&service["spec"]["ports"]) {
            let target = &port["targetPort"];
            expect(
                ports.contains(&target),
                format!("Service leads to {target}"),
            );
        }
    }
    for policy in of_kind(objects, "NetworkPolicy") {
        for port in list(&policy["spec"]["ingress"]).flat_map(|rule| list(&rule["ports"])) {
            let port = &port["port"];
            expect(ports.contains(&port), format!("NetworkPolicy lets {port}"));
        }
    }
    for monitor in of_kind(objects, "ServiceMonitor") {
        let found = of_kind(objects, "Service").find(|service| {
            let labels = &service["metadata"]["labels"];
            selects(&monitor["spec"]["selector"]["matchLabels"], labels)
        });
        let named: Vec<_> = found
            .into_iter()
            .flat_map(|service| list(&service["spec"]["ports"]))
            .map(|port| &port["name"])
            .collect();
        let asked: Vec<_> = list(&monitor["spec"]["endpoints"])
            .map(|endpoint| &endpoint["port"])
            .collect();
        let known = monitor["apiVersion"] == "monitoring.coreos.com/v1";
        expect(
            known && !asked.is_empty() && asked.iter().all(|port| named.contains(port)),
            "ServiceMonitor finds no port".into(),
        );
    }
    mounts(objects, &pod["spec"], container, &mut expect);
    rights(objects, &pod["spec"], &mut expect);
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("references that lead nowhere: {}", wrong.join("; "))
}

/// Whether a selector selects something with these labels. An empty one would select all.
fn selects(selector: &Value, labels: &Value) -> bool {
    let selector = selector.as_object();
    selector.is_some_and(|selector| {
        !selector.is_empty() && selector.iter().all(|(key, value)| labels[key] == *value)
    })
}

fn mounts(
    objects: &[Value],
    spec: &Value,
    container: &Value,
    expect: &mut impl FnMut(bool, String),
) {
    let named = |kind: &str, name: &Value| {
        of_kind(objects, kind).any(|object| object["metadata"]["name"] == *name)
    };
    for mount in list(&container["volumeMounts"]) {
        let there = list(&spec["volumes"]).any(|volume| volume["name"] == mount["name"]);
        expect(there, format!("there is no volume {}", mount["name"]));
    }
    for volume in list(&spec["volumes"]) {
        let map = &volume["configMap"]["name"];
        let there = map.is_null() || named("ConfigMap", map);
        expect(there, format!("there is no ConfigMap {map}"));
    }
    for secret in of_kind(objects, "Secret") {
        let used = list(&container["env"]).any(|variable| {
            let from = &variable["valueFrom"]["secretKeyRef"];
            let key = from["key"].as_str().unwrap_or_default();
            from["name"] == secret["metadata"]["name"] && !secret["data"][key].is_null()
        });
        let name = &secret["metadata"]["name"];
        expect(used, format!("nobody reads the Secret {name}"));
    }
}

/// It runs as whom the role is bound to, and that role is to look at pods.
fn rights(objects: &[Value], spec: &Value, expect: &mut impl FnMut(bool, String)) {
    let account = &spec["serviceAccountName"];
    for own in of_kind(objects, "ServiceAccount") {
        let same = own["metadata"]["name"] == *account;
        expect(
            same,
            format!("it does not run as {}", own["metadata"]["name"]),
        );
    }
    for binding in of_kind(objects, "ClusterRoleBinding") {
        let mut subjects = list(&binding["subjects"]);
        expect(
            subjects.any(|subject| subject["name"] == *account),
            format!("the role is not bound to {account}"),
        );
        let role = of_kind(objects, "ClusterRole")
            .find(|role| role["metadata"]["name"] == binding["roleRef"]["name"]);
        let only = serde_json::json!([
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}
        ]);
        expect(
            role.is_some_and(|role| role["rules"] == only),
            "the role is not to list and watch pods, and no more".into(),
        );
    }
    // Services' variables would be taken for options.
    for (key, wanted) in [("hostPID", true), ("enableServiceLinks", false)] {
        expect(spec[key] == wanted, format!("{key} is not {wanted}"));
    }
}
