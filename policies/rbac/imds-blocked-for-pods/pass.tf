resource "aws_launch_template" "nodes" {
  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
}

# One hop is the default.
resource "aws_launch_template" "default" {
  metadata_options {
    http_tokens = "required"
  }
}

resource "aws_launch_template" "off" {
  metadata_options {
    http_endpoint = "disabled"
  }
}

resource "aws_eks_node_group" "all" {
  for_each     = toset(["a", "b"])
  cluster_name = aws_eks_cluster.shop.name
  launch_template {
    id      = aws_launch_template.nodes.id
    version = 1
  }
}

resource "aws_eks_cluster" "shop" {
  name = "shop"
}

# Beside a cluster, and nothing is known of who uses it.
resource "aws_launch_template" "bastion" {
  instance_type = "t4g.nano"
}

module "eks" {
  source = "terraform-aws-modules/eks/aws"

  eks_managed_node_groups = {
    default = { instance_types = ["m7g.large"] }
  }
}
