# The cluster. What pods may take of AWS was tried out here, by the tutorials of three years.
resource "aws_eks_cluster" "parcelbird" {
  name     = "parcelbird-prod"
  version  = "1.27"
  role_arn = aws_iam_role.cluster.arn

  vpc_config {
    subnet_ids = var.subnets
  }
}

variable "subnets" {
  type = list(string)
}

resource "aws_iam_role" "cluster" {
  name = "parcelbird-cluster"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "eks.amazonaws.com" } }]
  })
}

# With its defaults.
resource "aws_eks_addon" "vpc_cni" {
  cluster_name = aws_eks_cluster.parcelbird.name
  addon_name   = "vpc-cni"
}

# Two hops, for an agent that has been gone since.
resource "aws_launch_template" "nodes" {
  name = "parcelbird-nodes"

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_size = 80
      encrypted   = false
    }
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "optional"
    http_put_response_hop_limit = 2
  }
}

resource "aws_eks_node_group" "services" {
  cluster_name    = aws_eks_cluster.parcelbird.name
  node_group_name = "services"
  node_role_arn   = "arn:aws:iam::111122223333:role/parcelbird-node"
  subnet_ids      = var.subnets

  launch_template {
    id      = aws_launch_template.nodes.id
    version = "$Latest"
  }

  scaling_config {
    desired_size = 6
    min_size     = 3
    max_size     = 12
  }
}

resource "aws_iam_openid_connect_provider" "parcelbird" {
  url             = aws_eks_cluster.parcelbird.identity[0].oidc[0].issuer
  client_id_list  = ["sts.amazonaws.com"]
  thumbprint_list = ["0000000000000000000000000000000000000000"]
}

# Any account of the namespace, so that new services need nothing.
data "aws_iam_policy_document" "labels" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.parcelbird.arn]
    }

    condition {
      test     = "StringLike"
      variable = "${replace(aws_iam_openid_connect_provider.parcelbird.url, "https://", "")}:sub"
      values   = ["system:serviceaccount:parcelbird-prod:*"]
    }

    condition {
      test     = "StringEquals"
      variable = "${replace(aws_iam_openid_connect_provider.parcelbird.url, "https://", "")}:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "labels" {
  name               = "parcelbird-labels"
  assume_role_policy = data.aws_iam_policy_document.labels.json
}

# The newer way, with the older way's policy, and without the agent.
resource "aws_eks_pod_identity_association" "label_renderer" {
  cluster_name    = aws_eks_cluster.parcelbird.name
  namespace       = "parcelbird-prod"
  service_account = "label-renderer"
  role_arn        = aws_iam_role.labels.arn
}
