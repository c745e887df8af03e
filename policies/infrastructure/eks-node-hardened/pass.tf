resource "aws_eks_node_group" "services" {
  cluster_name = "shop"

  remote_access {
    ec2_ssh_key               = "ops"
    source_security_group_ids = [aws_security_group.bastion.id]
  }
}

# Groups without a key open nothing.
resource "aws_eks_node_group" "no_key" {
  cluster_name = "shop"

  remote_access {
    source_security_group_ids = [aws_security_group.bastion.id]
  }
}

resource "aws_launch_template" "nodes" {
  name = "nodes"

  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      encrypted = true
    }
  }
}

resource "aws_eks_node_group" "templated" {
  cluster_name = "shop"

  launch_template {
    name = aws_launch_template.nodes.name
  }
}

# Of machines that are no nodes.
resource "aws_launch_template" "runners" {
  name = "runners"

  metadata_options {
    http_tokens = "optional"
  }
}

resource "aws_autoscaling_group" "runners" {
  launch_template {
    id = aws_launch_template.runners.id
  }

  tag {
    key   = "Name"
    value = "runner"
  }
}

# With a launch template of its own the module takes no key.
module "eks" {
  source = "terraform-aws-modules/eks/aws"
  eks_managed_node_groups = {
    services = {
      remote_access = {
        ec2_ssh_key = "ops"
      }
    }
  }
}
