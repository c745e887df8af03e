resource "aws_eks_node_group" "services" {
  cluster_name    = "shop"
  node_group_name = "services"

  remote_access {
    ec2_ssh_key = "ops" # expect[open-ssh high certain]: port 22 of the nodes of `aws_eks_node_group.services` is open to `0.0.0.0/0`: there is a key for SSH, and no `source_security_group_ids`
  }
}

resource "aws_eks_node_group" "empty" {
  cluster_name = "shop"

  remote_access {
    ec2_ssh_key               = aws_key_pair.ops.key_name # expect[open-ssh]: port 22
    source_security_group_ids = []
  }
}

resource "aws_launch_template" "nodes" {
  name = "nodes"

  block_device_mappings {
    device_name = "/dev/xvda"
    ebs { # expect[unencrypted low likely]: disks of nodes from `aws_launch_template.nodes` are not encrypted, unless the account encrypts all of them
      volume_size = 50
    }
  }
  block_device_mappings {
    device_name = "/dev/xvdb"
    ebs {
      volume_size = 50
      encrypted   = false # expect[unencrypted]: are not encrypted
    }
  }
}

resource "aws_eks_node_group" "templated" {
  cluster_name = "shop"

  launch_template {
    id      = aws_launch_template.nodes.id
    version = "$Latest"
  }
}

resource "aws_launch_template" "scaled" {
  name_prefix = "scaled"

  metadata_options {
    http_tokens = "optional" # expect[tokens-optional medium certain]: the metadata service of nodes from `aws_launch_template.scaled` answers without a token, expected `required`
  }
}

resource "aws_autoscaling_group" "nodes" {
  min_size = 1
  max_size = 3

  mixed_instances_policy {
    launch_template {
      launch_template_specification {
        launch_template_id = aws_launch_template.scaled.id
      }
    }
  }

  tag {
    key                 = "kubernetes.io/cluster/${var.cluster}"
    value               = "owned"
    propagate_at_launch = true
  }
}

module "eks" {
  source = "terraform-aws-modules/eks/aws"
  eks_managed_node_groups = {
    services = {
      use_custom_launch_template = false
      disk_size                  = 50
      remote_access = {
        ec2_ssh_key = module.key_pair.key_pair_name # expect[open-ssh]: port 22 of the nodes of `module.eks`
      }
    }
  }
}
